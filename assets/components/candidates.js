// Two tables of candidates, before and after the mask. Everything shown comes from data or models,
// so it is only ever set as textContent. Runs again on every change of data or theme.

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".candidates");
  root.replaceChildren(table(data.before_title, data.before), table(data.after_title, data.after));
}

function table(title, rows) {
  const node = element("table");
  node.append(element("caption", "", title), ...rows.map(line));
  return node;
}

function line(row) {
  const node = element("tr", `${row.refused ? "refused" : "allowed"} ${row.written ? "written" : ""}`);
  const sign = element("td", "sign", row.refused ? "✗" : "✓");
  sign.setAttribute("aria-label", row.refused ? "refused" : "allowed");
  const text = element("td");
  text.append(element("span", "name", row.text));
  if (row.written) text.append(element("span", "badge", "written"));
  if (row.why) text.append(element("div", "why", row.why));
  const share = element("td", "share", row.percent);
  const bar = element("div", "bar");
  bar.style.width = `${100 * row.share}%`;
  share.append(bar);
  node.append(sign, text, share);
  return node;
}

function element(name, className = "", text = "") {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}
