// Every token of a vocabulary a cell, class by class. Runs again on every change of data or theme. The vocabulary's
// texts come once and are kept for the page: if they are not there, they are asked for.

const HEIGHT = 520; // pixels that the largest class may take
const CELL = [2, 14]; // pixels
const LARGE = 7; // pixels of an allowed cell that stands out
const FEW = 3000; // as many allowed cells are drawn larger than their place

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".grid");
  const bands = root.querySelector(".bands");
  const card = parentElement.querySelector(".card");
  const known = (globalThis.stillroomVocabularies ??= new Map());
  if (data.texts) {
    known.set(data.identity, { texts: data.texts, ids: numbers(data.ids, Int32Array) });
    if (known.size > 3) known.delete(known.keys().next().value);
  }
  const vocabulary = known.get(data.identity);
  if (!vocabulary) {
    bands.replaceChildren(element("div", "note", "Fetching the vocabulary …"));
    root.drawn = root.painted = null;
    if (root.asked !== data.asked) setStateValue("missing", { identity: data.identity, turn: (root.asked = data.asked) + 1 });
    return;
  }
  Object.assign(root, { data, vocabulary, reason: numbers(data.reason, data.wide ? Uint16Array : Uint8Array) });
  root.pin = (token) => setStateValue("pinned", { identity: data.identity, token, turn: (data.turn += 1) });
  showTotal(root.querySelector(".total"), data);
  followTheme(root);
  if (root.drawn !== data.identity || !root.drawnWidth) build(root, bands, card); // the watcher sees to the width
  const painted = `${data.reason} ${root.colours} ${root.drawnWidth}`;
  if (root.painted !== painted) for (const band of bands.children) paintBand(root, band);
  root.painted = painted;
  showPinned(root.querySelector(".pinned"), data);
  showTools(parentElement.querySelector(".tools"), root);

  root.watcher?.disconnect();
  root.watcher = new ResizeObserver(() => {
    if (root.clientWidth === root.drawnWidth || !root.clientWidth) return;
    build(root, bands, card);
    for (const band of bands.children) paintBand(root, band);
  });
  root.watcher.observe(root);
  return () => {
    root.watcher.disconnect();
    hideCard(card);
  };
}

function numbers(base64, kind) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new kind(bytes.buffer);
}

function showTotal(node, data) {
  const entry = (className, text) => {
    const span = element("span");
    span.append(element("span", `sample ${className}`), text);
    return span;
  };
  node.replaceChildren(element("b", "", data.total), entry("", "allowed: a full square"), entry("no", "refused: a dot"));
}

function build(root, bands, card) {
  const { data } = root;
  root.drawn = data.identity;
  root.drawnWidth = root.clientWidth;
  const largest = Math.max(...data.bands.map((band) => band.count));
  const cell = Math.floor(Math.sqrt((root.drawnWidth * HEIGHT) / Math.max(largest, 1)));
  root.cell = Math.max(CELL[0], Math.min(CELL[1], cell));
  let start = 0;
  bands.replaceChildren(
    ...data.bands.map((band) => {
      const node = bandNode(root, card, start, band.count);
      start += band.count;
      return node;
    }),
  );
}

function bandNode(root, card, start, count) {
  const node = element("div", "band");
  const canvas = document.createElement("canvas");
  const wanted = Math.max(Math.ceil(230 / root.cell), Math.ceil(Math.sqrt(count * 3)));
  const columns = count * root.cell * root.cell > root.drawnWidth * 90 ? Math.floor(root.drawnWidth / root.cell) : wanted;
  Object.assign(node, { start, count, columns: Math.min(columns, Math.floor(root.drawnWidth / root.cell)), canvas, cursor: null });
  const [width, height] = [node.columns * root.cell, Math.ceil(count / node.columns) * root.cell];
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "grid of tokens");
  node.append(element("div", "title"), canvas);
  listen(root, node, card);
  return node;
}

function listen(root, band, card) {
  const { canvas } = band;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / root.cell);
    const i = Math.floor((event.clientY - box.top) / root.cell) * band.columns + column;
    return column < band.columns && i >= 0 && i < band.count ? (standingOut(root, band, i) ?? i) : null;
  };
  const show = (i) => {
    band.cursor = i;
    if (i === null) return hideCard(card);
    const box = canvas.getBoundingClientRect();
    const x = box.left + (i % band.columns) * root.cell;
    const y = box.top + Math.floor(i / band.columns) * root.cell;
    const [name, facts] = describe(root, band.start + i);
    showCard(card, { left: x, top: y, bottom: y + root.cell }, element("div", "name", name), factsTable(facts));
  };
  canvas.onmousemove = (event) => {
    const i = at(event);
    if (i !== band.cursor) show(i);
  };
  canvas.onmouseleave = () => show(null);
  canvas.onclick = (event) => {
    const i = at(event);
    if (i !== null) root.pin(root.vocabulary.ids[band.start + i]);
  };
  canvas.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: band.columns, ArrowUp: -band.columns }[event.key];
    if (event.key === "Enter" && band.cursor !== null) root.pin(root.vocabulary.ids[band.start + band.cursor]);
    else if (event.key === "Escape") show(null);
    else if (event.key === "n") step(nextAllowed(root, band));
    else if (by) step((band.cursor ?? (by > 0 ? -by : 0)) + by);
    else return;
    event.preventDefault();
  };
  const step = (i) => {
    if (i === null || i < 0 || i >= band.count) return;
    paintBand(root, band);
    show(i);
    ring(root, band, i);
    const [name, facts] = describe(root, band.start + i);
    root.querySelector(".spoken").textContent = [name, ...facts.map((fact) => fact.join(" "))].join(", ");
  };
  canvas.onblur = () => {
    show(null);
    paintBand(root, band);
  };
}

// An allowed token that is drawn over this cell, if any.
function standingOut(root, band, i) {
  const reach = band.enlarged ? Math.max(0, Math.floor(LARGE / root.cell / 2)) : 0;
  const allowed = (place) => place >= 0 && place < band.count && root.reason[band.start + place] === 0;
  if (allowed(i)) return i;
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (allowed(i + y * band.columns + x)) return i + y * band.columns + x;
  return null;
}

function nextAllowed(root, band) {
  for (let i = (band.cursor ?? -1) + 1; i < band.count; i++) if (root.reason[band.start + i] === 0) return i;
  return null;
}

function describe(root, place) {
  const { data, vocabulary, reason } = root;
  const facts = [["id", String(vocabulary.ids[place])]];
  if (reason[place] === 0) facts.push(["mask", "✓ allowed"]);
  else {
    facts.push(["mask", "✗ refused"]);
    const why = data.reasons[reason[place] - 1];
    if (why) facts.push(["dies at byte", String(why[0])], ["expected", why[1]]);
    else facts.push(["why", "press to see"]);
  }
  return [withGlyphs(vocabulary.texts[place]), facts];
}

function paintBand(root, band) {
  const { cell, reason, data, colours } = root;
  const { canvas, start, count, columns } = band;
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(word(colours[2]));
  const size = Math.round(cell * ratio);
  const dot = Math.max(1, Math.round(size * 0.4));
  const inset = Math.floor((size - dot) / 2);
  const gap = size > 3 ? 1 : 0;
  const pale = word(mixed(colours[1], colours[2], 0.65));
  const strong = word(colours[0]);
  const allowed = [];
  for (let i = 0; i < count; i++) {
    const left = (i % columns) * size;
    const top = Math.floor(i / columns) * size;
    if (reason[start + i]) square(pixels, canvas.width, left + inset, top + inset, dot, pale);
    else {
      square(pixels, canvas.width, left, top, size - gap, strong);
      allowed.push([left, top]);
    }
  }
  context.putImageData(image, 0, 0);
  band.enlarged = allowed.length < FEW && allowed.length < count / 2;
  if (band.enlarged) for (const place of allowed) enlarge(context, place, size, colours);
  const { name, text } = data.bands.find((_, i) => bandAt(root, i) === band);
  band.firstChild.replaceChildren(element("b", "", name), ` ${text}`);
  canvas.setAttribute("aria-label", `${name}, ${text}. Arrow keys move, n finds the next allowed token, Enter pins it.`);
}

function bandAt(root, i) {
  return root.querySelector(".bands").children[i];
}

function square(pixels, width, left, top, size, colour) {
  for (let y = top; y < top + size; y++) pixels.fill(colour, y * width + left, y * width + left + size);
}

// A few allowed tokens among thousands must be found: each stands out of its place, with an edge.
function enlarge(context, [left, top], size, colours) {
  const large = Math.max(size, LARGE);
  const out = Math.ceil((large - size) / 2);
  const x = Math.max(0, Math.min(left - out, context.canvas.width - large));
  const y = Math.max(0, Math.min(top - out, context.canvas.height - large));
  context.fillStyle = `rgb(${colours[2].join(" ")})`;
  context.fillRect(x - 1, y - 1, large + 2, large + 2);
  context.fillStyle = `rgb(${colours[0].join(" ")})`;
  context.fillRect(x, y, large, large);
}

function ring(root, band, i) {
  const context = band.canvas.getContext("2d");
  const size = Math.round(root.cell * (window.devicePixelRatio || 1));
  context.strokeStyle = themeColour(root, "--st-text-color");
  context.lineWidth = 2;
  context.strokeRect((i % band.columns) * size - 3, Math.floor(i / band.columns) * size - 3, size + 6, size + 6);
}

// Asking for a colour's bytes takes milliseconds: it is done once a theme.
function followTheme(root) {
  const style = getComputedStyle(root);
  const names = ["--allowed", "--refused", "--st-background-color"];
  const theme = [style.colorScheme, ...names.map((name) => style.getPropertyValue(name))].join();
  if (root.theme === theme) return;
  root.theme = theme;
  root.colours = names.map((name) => paintOf(root, name));
}

// A CSS colour as bytes, whatever its notation.
function paintOf(root, name) {
  const probe = element("span");
  probe.style.color = `var(${name})`;
  root.append(probe);
  const context = (root.probe ??= Object.assign(document.createElement("canvas"), { width: 1, height: 1 })).getContext("2d", {
    willReadFrequently: true,
  });
  context.fillStyle = getComputedStyle(probe).color;
  context.fillRect(0, 0, 1, 1);
  probe.remove();
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function mixed(one, other, part) {
  return one.map((value, i) => Math.round(value * part + other[i] * (1 - part)));
}

function word([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function showPinned(node, data) {
  if (!data.pinned) return node.replaceChildren();
  node.replaceChildren(element("div", "name", withGlyphs(data.pinned.text)), factsTable(data.pinned.facts));
}

function showTools(tools, root) {
  const csv = () => {
    const { vocabulary, reason, data } = root;
    const rows = [];
    for (let i = 0; i < reason.length; i++) {
      const why = reason[i] ? (data.reasons[reason[i] - 1] ?? ["", ""]) : ["", ""];
      rows.push([vocabulary.ids[i], JSON.stringify(vocabulary.texts[i]), reason[i] ? 0 : 1, why[0], why[1]]);
    }
    saveCsv([["id", "text", "allowed", "dies at byte", "expected"], ...rows], "vocabulary.csv");
  };
  tools.replaceChildren(
    element("span", "note", "Point at a cell to see its token, click to pin it."),
    element("span", "space"),
    toolButton("CSV", "All tokens as CSV", csv),
    toolButton("PNG", "The grid as a picture", () => savePng(pictureOf(root), "vocabulary.png")),
  );
}
