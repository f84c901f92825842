// How many tokens each step allowed (log scale) and how much mass the mask removed. Runs again on every change of data
// or theme: the marks are drawn once a signature and width.

const LEFT = 62;
const ROW = { allowed: [22, 74], removed: [104, 152] };

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".rows");
  const card = parentElement.querySelector(".card");
  root.data = data;
  const refresh = () => {
    const drawn = `${root.data.signature} ${root.clientWidth}`;
    if (root.drawn !== drawn && root.clientWidth) draw(root, (root.drawn = drawn));
    place(root);
  };
  refresh();
  showTools(parentElement.querySelector(".tools"), root);
  root.onclick = (event) => setStateValue("pick", { step: stepAt(root, event), turn: (data.turn += 1) });
  root.onmousemove = (event) => {
    const step = stepAt(root, event);
    const facts = [
      ["allowed", data.allowed[step].toLocaleString("en")],
      ["mass removed", `${(100 * data.removed[step]).toFixed(2)} %`],
      ["kind", data.forced[step] ? "forced" : "free choice"],
    ];
    const box = root.getBoundingClientRect();
    const at = { left: box.left + x(root, step) + 8, top: box.top, bottom: box.top + 20 };
    showCard(card, at, element("div", "name", `${step}  ${JSON.stringify(data.texts[step])}`), factsTable(facts));
  };
  root.onmouseleave = () => hideCard(card);
  root.watcher?.disconnect();
  root.watcher = new ResizeObserver(refresh);
  root.watcher.observe(root);
  return () => {
    root.watcher.disconnect();
    hideCard(card);
  };
}

function showTools(tools, root) {
  const csv = () => {
    const { texts, allowed, removed, forced } = root.data;
    const rows = texts.map((text, i) => [i, JSON.stringify(text), allowed[i], removed[i], forced[i] ? 1 : 0]);
    saveCsv([["token", "text", "allowed", "mass removed", "forced"], ...rows], "timeline.csv");
  };
  tools.replaceChildren(
    element("span", "note", "Dots: free choices; strokes: forced. Click to go there."),
    element("span", "space"),
    toolButton("CSV", "The timeline as CSV", csv),
    toolButton("PNG", "The timeline as a picture", () => saveSvg(root.querySelector("svg"), "timeline.png")),
  );
}

function x(root, step) {
  return LEFT + ((step + 0.5) / root.data.allowed.length) * (root.clientWidth - LEFT - 8);
}

function stepAt(root, event) {
  const count = root.data.allowed.length;
  const part = (event.clientX - root.getBoundingClientRect().left - LEFT) / (root.clientWidth - LEFT - 8);
  return Math.max(0, Math.min(count - 1, Math.floor(part * count)));
}

function draw(root) {
  const { allowed, removed, vocabulary } = root.data;
  const most = Math.log(Math.max(vocabulary, 2));
  const powers = [1, 100, 10_000].filter((value) => value <= vocabulary);
  const svg = shape("svg", { viewBox: `0 0 ${root.clientWidth} 176` });
  svg.append(
    ...row(root, "allowed", "Allowed tokens", allowed.map((n) => Math.log(Math.max(n, 1)) / most), powers.map((n) => [Math.log(n) / most, n.toLocaleString("en")])),
    ...row(root, "removed", "Mass removed", removed, [[0, "0 %"], [1, "100 %"]]),
    ...labels(root),
    shape("line", { class: "now", y1: 4, y2: 156 }),
  );
  root.replaceChildren(svg);
}

function row(root, name, title, values, ticks) {
  const [top, bottom] = ROW[name];
  const y = (value) => (bottom - value * (bottom - top)).toFixed(1);
  const { forced } = root.data;
  const at = values.map((value, i) => [x(root, i).toFixed(1), y(value)]);
  const path = (kind, list) => shape("path", { class: `${kind} ${name === "removed" ? "lost" : ""}`, d: list.join("") });
  return [
    ...ticks.flatMap(([value, text]) => [
      shape("line", { class: "axis", x1: LEFT, x2: root.clientWidth - 8, y1: y(value), y2: y(value) }),
      shape("text", { x: LEFT - 6, y: Number(y(value)) + 4, "text-anchor": "end" }, text),
    ]),
    shape("text", { x: 0, y: top - 12, "font-weight": 600 }, title),
    path("stem", at.map(([px, py]) => `M${px},${bottom}V${py}`)),
    path("forced", at.filter((_, i) => forced[i]).map(([px, py]) => `M${px - 2},${py}h4`)),
    path("free", at.filter((_, i) => !forced[i]).map(([px, py]) => `M${px},${py}h.01`)),
  ];
}

function labels(root) {
  const count = root.data.allowed.length;
  const gap = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => count / n < root.clientWidth / 60) ?? 2000;
  const steps = Array.from({ length: Math.ceil(count / gap) }, (_, i) => i * gap);
  return steps.map((step) => shape("text", { x: x(root, step), y: 170, "text-anchor": "middle" }, String(step)));
}

function place(root) {
  const now = root.querySelector(".now");
  if (!now) return;
  const { index, allowed, removed } = root.data;
  const at = x(root, index);
  now.setAttribute("x1", at);
  now.setAttribute("x2", at);
  root.setAttribute("aria-label", `Timeline of ${allowed.length} tokens. Token ${index}: ${allowed[index]} allowed, mass removed ${(100 * removed[index]).toFixed(2)} percent.`);
}
