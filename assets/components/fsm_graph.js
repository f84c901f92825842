// The picture of an automaton, laid out in Python. Runs again on every change of data or theme: it draws once a
// signature, and marks where the answer stands. It follows the answer until "Whole automaton" is asked for.

const RADIUS = 15;
const KEY = "filled: here now · bold: walked · green, dashed: allowed next · double ring: the answer may end · drag to move, click and turn the wheel to zoom · keys: arrows, + and −, 0 for the whole";

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const svg = parentElement.querySelector("svg");
  const card = parentElement.querySelector(".card");
  svg.data = data;
  svg.pick = (state) => setStateValue("pick", { state, turn: (svg.data.turn += 1) });

  const fresh = svg.signature !== data.signature;
  if (fresh) {
    svg.signature = data.signature;
    draw(svg);
    showTools(parentElement.querySelector(".tools"), svg);
    hideCard(card);
  }
  parentElement.querySelector(".key").textContent = data.note ? `${KEY} · ${data.note}` : KEY;
  mark(svg);
  const place = JSON.stringify([data.signature, data.look]);
  if (svg.place !== place) {
    svg.place = place;
    if (!svg.whole) follow(svg, !fresh, data.look);
    else if (fresh) fit(svg, false);
  }
  listen(svg, card);
  svg.watcher?.disconnect();
  svg.watcher = new ResizeObserver(() => svg.view && keepShape(svg));
  svg.watcher.observe(svg);

  return () => {
    svg.watcher.disconnect();
    cancelAnimationFrame(svg.frame);
    hideCard(card);
  };
}

function draw(svg) {
  const { states, edges } = svg.data;
  svg.edges = edges.map((edge, i) => drawEdge(edge, i));
  svg.states = new Map(states.map((state) => [state.id, drawState(state)]));
  svg.replaceChildren(...svg.edges, ...svg.states.values());
}

function drawState({ id, x, y, accepting, label }) {
  const node = shape("g", { class: "state", role: "button", "aria-label": label, "data-state": id });
  node.append(shape("circle", { cx: x, cy: y, r: RADIUS }));
  if (accepting) node.append(shape("circle", { cx: x, cy: y, r: RADIUS - 4, class: "ring" }));
  node.append(shape("text", { x, y }, String(id)));
  return node;
}

function drawEdge({ path, tip, x, y, label }, i) {
  const node = shape("g", { class: "edge", "data-edge": i });
  const [tx, ty, side] = tip;
  const arrow = { right: "-8,-4.5 -8,4.5", left: "8,-4.5 8,4.5", down: "-5.5,-7 4,-8" }[side];
  const points = arrow.split(" ").map((pair) => pair.split(",").map(Number)).map(([dx, dy]) => `${tx + dx},${ty + dy}`);
  node.append(
    shape("path", { class: "line", d: path }),
    shape("polygon", { class: "tip", points: `${tx},${ty} ${points.join(" ")}` }),
    shape("text", { x, y }, label),
  );
  return node;
}

function mark(svg) {
  const { data } = svg;
  const walkedStates = new Set(data.walked_states);
  const walkedEdges = new Set(data.walked_edges);
  const open = new Set(data.open_edges);
  const near = new Set(data.near_states);
  const nearEdges = new Set(data.near_edges);
  for (const [id, node] of svg.states) {
    node.classList.toggle("walked", walkedStates.has(id));
    node.classList.toggle("current", id === data.current);
    node.classList.toggle("picked", id === data.picked);
    node.classList.toggle("far", !near.has(id));
    node.setAttribute("tabindex", near.has(id) ? "0" : "-1");
    if (id === data.current) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
  }
  svg.edges.forEach((node, i) => {
    node.classList.toggle("walked", walkedEdges.has(i));
    node.classList.toggle("open", open.has(i));
    node.classList.toggle("far", !nearEdges.has(i));
    const text = node.querySelector("text");
    const { label, x, y, width } = data.edges[i];
    node.querySelector(".mark")?.remove();
    if (data.on?.edge !== i) {
      text.textContent = label;
      return;
    }
    const done = shape("tspan", { class: "done" }, data.on.done);
    text.replaceChildren(done, ` ▸ ${data.on.rest}`);
    node.append(shape("circle", { class: "mark", cx: x - width / 2 + width * data.on.share, cy: y + 6, r: 6 }));
  });
  svg.setAttribute("aria-label", data.description);
}

// The camera: `view` is [left, top, width, height] in the picture's units.
function follow(svg, moves, [x, y] = svg.data.focus) {
  const box = svg.getBoundingClientRect();
  const { width, height } = svg.data;
  const left = width <= box.width ? (width - box.width) / 2 : clamp(x - 0.4 * box.width, 0, width - box.width);
  const top = height <= box.height ? (height - box.height) / 2 : clamp(y - box.height / 2, 0, height - box.height);
  look(svg, [left, top, box.width, box.height], moves);
}

function fit(svg, moves) {
  const box = svg.getBoundingClientRect();
  const { width, height } = svg.data;
  const scale = Math.max(width / box.width, height / box.height, 0.6);
  const [w, h] = [box.width * scale, box.height * scale];
  look(svg, [(width - w) / 2, (height - h) / 2, w, h], moves);
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

function look(svg, view, moves) {
  cancelAnimationFrame(svg.frame);
  const from = svg.view;
  if (!moves || !from || matchMedia("(prefers-reduced-motion: reduce)").matches) return setView(svg, view);
  const begun = performance.now();
  const move = (now) => {
    const part = Math.min(1, (now - begun) / 180);
    const eased = 1 - (1 - part) ** 3;
    setView(svg, from.map((value, i) => value + (view[i] - value) * eased));
    if (part < 1) svg.frame = requestAnimationFrame(move);
  };
  svg.frame = requestAnimationFrame(move);
}

function setView(svg, view) {
  svg.view = view;
  svg.setAttribute("viewBox", view.map((value) => value.toFixed(1)).join(" "));
}

function keepShape(svg) {
  const box = svg.getBoundingClientRect();
  if (!box.width || !svg.view) return;
  const [left, top, width] = svg.view;
  const scale = width / (svg.width_shown ?? box.width);
  if (svg.width_shown !== box.width) {
    svg.width_shown = box.width;
    if (svg.whole) fit(svg, false);
    else if (scale === 1) follow(svg, false);
    else setView(svg, [left, top, box.width * scale, box.height * scale]);
  }
}

function zoom(svg, factor, at) {
  cancelAnimationFrame(svg.frame);
  const box = svg.getBoundingClientRect();
  const [left, top, width, height] = svg.view;
  const scale = clamp((width / box.width) * factor, 0.25, 8);
  const [w, h] = [box.width * scale, box.height * scale];
  const [px, py] = at ?? [0.5, 0.5];
  setView(svg, [left + (width - w) * px, top + (height - h) * py, w, h]);
}

function pan(svg, dx, dy) {
  cancelAnimationFrame(svg.frame);
  const [left, top, width, height] = svg.view;
  setView(svg, [left + dx, top + dy, width, height]);
}

function showTools(tools, svg) {
  const whole = toolButton("Whole automaton", "Show the whole automaton, or follow the answer", () => setWhole(!svg.whole));
  const setWhole = (value) => {
    svg.whole = value;
    whole.setAttribute("aria-pressed", String(value));
    svg.classList.toggle("whole", value);
    if (value) fit(svg, true);
    else follow(svg, true);
  };
  whole.setAttribute("aria-pressed", String(Boolean(svg.whole)));
  svg.setWhole = setWhole;
  tools.replaceChildren(
    whole,
    toolButton("+", "Zoom in", () => zoom(svg, 0.8)),
    toolButton("−", "Zoom out", () => zoom(svg, 1.25)),
    toolButton("Here", "Back to where the answer stands", () => setWhole(false)),
    element("span", "space"),
    toolButton("CSV", "The edges as CSV", () => saveCsv(csv(svg.data), "automaton.csv")),
    toolButton("PNG", "What is seen of the automaton as a picture", () => saveSvg(svg, "automaton.png")),
  );
}

function listen(svg, card) {
  let from = null;
  let moved = false;
  svg.onwheel = (event) => {
    // Without a click on the graph first, the wheel goes on scrolling the page.
    if (!event.ctrlKey && !event.metaKey && !svg.matches(":focus, :focus-within")) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(svg, event.deltaY > 0 ? 1.12 : 0.89, [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  };
  svg.onpointerdown = (event) => {
    from = [event.clientX, event.clientY];
    moved = false;
  };
  svg.onpointermove = (event) => {
    if (from && event.buttons) {
      const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      if (!moved) svg.setPointerCapture(event.pointerId);
      moved = true;
      const scale = svg.view[2] / svg.getBoundingClientRect().width;
      pan(svg, -dx * scale, -dy * scale);
      from = [event.clientX, event.clientY];
      hideCard(card);
    }
  };
  svg.onpointerup = () => (from = null);
  svg.onclick = (event) => {
    const node = event.target.closest(".state");
    if (node && !moved) svg.pick(Number(node.dataset.state));
  };
  svg.onkeydown = (event) => {
    const node = event.target.closest(".state");
    if (node && (event.key === "Enter" || event.key === " ")) svg.pick(Number(node.dataset.state));
    else if (event.key === "+" || event.key === "=") zoom(svg, 0.8);
    else if (event.key === "-") zoom(svg, 1.25);
    else if (event.key === "0") svg.setWhole(!svg.whole);
    else if (event.key.startsWith("Arrow")) {
      const step = 60 * (svg.view[2] / svg.getBoundingClientRect().width);
      pan(svg, { ArrowLeft: -step, ArrowRight: step }[event.key] ?? 0, { ArrowUp: -step, ArrowDown: step }[event.key] ?? 0);
    } else return;
    event.preventDefault();
  };
  svg.onmouseover = (event) => {
    const node = event.target.closest(".edge, .state");
    if (!node || event.buttons) return hideCard(card);
    const { edge, state } = node.dataset;
    const text = edge === undefined ? svg.states.get(Number(state)).getAttribute("aria-label") : svg.data.edges[edge].whole;
    const at = edge === undefined ? node.getBoundingClientRect() : node.querySelector("text").getBoundingClientRect();
    showCard(card, at, element("div", "", text));
  };
  svg.onmouseleave = () => hideCard(card);
}

function csv(data) {
  const rows = data.edges.map((edge) => [edge.source, edge.target, JSON.stringify(edge.whole)]);
  return [["from state", "to state", "what may be written"], ...rows];
}
