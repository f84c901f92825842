// The candidates in one table, before and after the mask, and how much mass it removed. Runs again on every change of
// data or theme.

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".candidates");
  root.replaceChildren(removed(data), table(data.rows));
  parentElement.querySelector(".tools").replaceChildren(
    element("span", "space"),
    toolButton("CSV", "The candidates as CSV", () => saveCsv(csv(data.rows), "candidates.csv")),
    toolButton("PNG", "The candidates as a picture", () => savePng(pictureOf(root), "candidates.png")),
  );
}

function removed(data) {
  const node = element("div", "removed");
  const track = element("div", "track");
  const fill = element("div", "fill");
  fill.style.width = `${100 * data.removed}%`;
  track.append(fill);
  track.setAttribute("role", "img");
  track.setAttribute("aria-label", `Mass removed by the mask: ${data.removed_percent}`);
  node.append(element("span", "", "Mass removed"), track, element("b", "", data.removed_percent));
  return node;
}

function table(rows) {
  const node = element("table", "list");
  const head = element("tr");
  head.append(...["", "Token", "Before", "After"].map((name, i) => element("th", i > 1 ? "share" : "", name)));
  node.append(head, ...rows.flatMap(lines));
  return node;
}

function lines(row) {
  const node = element("tr", `${row.why ? "refused" : "allowed"} ${row.written ? "written" : ""}`);
  const sign = element("td", "sign", row.why ? "✗" : "✓");
  sign.setAttribute("aria-label", row.why ? "refused" : "allowed");
  const text = element("td");
  text.append(element("span", "name", row.text));
  if (row.written) text.append(element("span", "badge", "written"));
  node.append(sign, text, share(row.before, row.before_percent), share(row.after, row.after_percent));
  if (!row.why) return [node];
  const reason = element("tr", "reason");
  const why = element("td", "why", row.why);
  why.colSpan = 3;
  reason.append(element("td"), why);
  return [node, reason];
}

function share(value, percent) {
  const node = element("td", "share", percent);
  const bar = element("div", "bar");
  bar.style.width = `${100 * value}%`;
  if (value > 0) node.append(bar);
  return node;
}

function csv(rows) {
  const lines = rows.map((row) => [row.id, JSON.stringify(row.text), row.before, row.after, row.why ? 0 : 1, row.written ? 1 : 0, row.why]);
  return [["id", "text", "p before", "p after", "allowed", "written", "refused because"], ...lines];
}
