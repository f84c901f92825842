// What the components share; it stands before each one's own script. Text is only ever set as textContent.

function element(name, className = "", text = "") {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}

// As `element`, of an SVG.
function shape(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Its name is what is read on it; the title says more.
function toolButton(label, title, act) {
  const node = element("button", "tool", label);
  node.type = "button";
  node.title = title;
  node.onclick = act;
  return node;
}

// Blanks at the edges, line ends and control characters are made visible.
function controlGlyph(character) {
  if (character === "\n") return "⏎";
  if (character === "\t") return "⇥";
  return character === "\u007f" ? "␡" : String.fromCharCode(0x2400 + character.charCodeAt(0));
}

function withGlyphs(text) {
  if (text === "") return "∅";
  const [, before, middle, after] = /^( *)([^]*?)( *)$/.exec(text);
  return "·".repeat(before.length) + middle.replace(/[\u0000-\u001f\u007f]/g, controlGlyph) + "·".repeat(after.length);
}

// A popover, in the browser's top layer: no container can clip it.
function showCard(card, at, ...nodes) {
  card.replaceChildren(...nodes);
  if (!card.matches(":popover-open")) card.showPopover();
  const size = card.getBoundingClientRect();
  const below = at.bottom + 6;
  card.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8))}px`;
  card.style.top = `${below + size.height < window.innerHeight ? below : Math.max(8, at.top - size.height - 6)}px`;
}

function hideCard(card) {
  if (card.matches(":popover-open")) card.hidePopover();
}

function factsTable(facts) {
  const table = element("table", "facts");
  for (const [name, value] of facts) {
    const row = element("tr");
    row.append(element("th", "", name), element("td", "", value));
    table.append(row);
  }
  return table;
}

function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Texts of tokens stand as JSON strings, which are exact. What a spreadsheet would run as a formula gets a quote
// before it (OWASP, CSV injection).
function saveCsv(rows, name) {
  const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const cell = (value) => (typeof value === "number" ? String(value) : `"${safe(String(value ?? "")).replaceAll('"', '""')}"`);
  saveBlob(new Blob([rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n"], { type: "text/csv" }), name);
}

function savePng(canvas, name) {
  canvas.toBlob((blob) => saveBlob(blob, name), "image/png");
}

function themeColour(node, name) {
  return getComputedStyle(node).getPropertyValue(name).trim();
}

const PIXELS = 16_000; // the longest side that browsers let a canvas have

// Parts of the page as one picture, below each other: backgrounds, lines and text, from where the browser has put them.
function pictureOf(...roots) {
  const [gap, width] = [8, Math.max(...roots.map((root) => root.scrollWidth))];
  const height = roots.reduce((sum, root) => sum + root.scrollHeight + gap, gap);
  const scale = Math.min(2, PIXELS / Math.max(width + 2 * gap, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((width + 2 * gap) * scale);
  canvas.height = Math.ceil(height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = themeColour(roots[0], "--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = "middle";
  let top = gap;
  for (const root of roots) {
    const box = root.getBoundingClientRect();
    context.setTransform(scale, 0, 0, scale, scale * (gap - box.left), scale * (top + root.scrollTop - box.top));
    for (const node of root.querySelectorAll("*")) paintNode(context, node);
    top += root.scrollHeight + gap;
  }
  return canvas;
}

const SVG_STYLES = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font", "text-anchor",
  "text-decoration", "dominant-baseline", "white-space",
];

// What is seen of an SVG, sharp where much of it is small. Outside the page it knows no style sheet: each node takes its
// own style along.
function saveSvg(svg, name) {
  const box = svg.getBoundingClientRect();
  const view = svg.viewBox.baseVal;
  const copy = svg.cloneNode(true);
  const nodes = [...svg.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(nodes[i]);
    for (const property of SVG_STYLES) node.style.setProperty(property, style.getPropertyValue(property));
  });
  const scale = Math.min(2 * Math.max(1, box.width / view.width), PIXELS / Math.max(view.width, view.height));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", view.width * scale);
  copy.setAttribute("height", view.height * scale);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(view.width * scale);
  canvas.height = Math.round(view.height * scale);
  const image = new Image();
  image.onload = () => {
    const context = canvas.getContext("2d");
    context.fillStyle = themeColour(svg, "--st-background-color");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    savePng(canvas, name);
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

function paintNode(context, node) {
  const style = getComputedStyle(node);
  const rect = node.getBoundingClientRect();
  if (!rect.width || !rect.height) return;
  context.fillStyle = style.backgroundColor;
  context.fillRect(rect.left, rect.top, rect.width, rect.height);
  if (style.backgroundImage !== "none") paintGradient(context, style, rect);
  if (node instanceof HTMLCanvasElement) context.drawImage(node, rect.left, rect.top, rect.width, rect.height);
  if (parseFloat(style.borderLeftWidth)) {
    context.strokeStyle = style.borderLeftColor;
    context.lineWidth = parseFloat(style.borderLeftWidth);
    context.beginPath();
    context.roundRect(rect.left, rect.top, rect.width, rect.height, parseFloat(style.borderTopLeftRadius) || 0);
    context.stroke();
  } else
    for (const [side, y] of [["Top", rect.top], ["Bottom", rect.bottom]]) {
      const width = parseFloat(style[`border${side}Width`]);
      if (width) strokeLine(context, style[`border${side}Color`], width, rect, y, style[`border${side}Style`]);
    }
  if (style.outlineStyle === "solid") {
    context.strokeStyle = style.outlineColor;
    context.lineWidth = parseFloat(style.outlineWidth);
    context.strokeRect(rect.left - 1, rect.top - 1, rect.width + 2, rect.height + 2);
  }
  for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) paintText(context, child, style);
}

// The gradients that our style sheets know: a line under a token, the stripes of a bar, a dot. Their first colour says it.
function paintGradient(context, style, rect) {
  context.fillStyle = /(rgba?|color)\([^)]*\)/.exec(style.backgroundImage)?.[0] ?? style.color;
  if (style.backgroundImage.startsWith("radial")) {
    context.beginPath();
    context.arc(rect.left + rect.width / 2, rect.top + rect.height / 2, 0.35 * rect.width, 0, 7);
    return context.fill();
  }
  const size = style.backgroundSize.split(" ")[1];
  const height = size === undefined ? rect.height : parseFloat(size);
  context.fillRect(rect.left, rect.bottom - height, rect.width, height);
}

function strokeLine(context, colour, width, rect, y, style) {
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(style === "dashed" ? [4, 3] : []);
  context.beginPath();
  context.moveTo(rect.left, y);
  context.lineTo(rect.right, y);
  context.stroke();
  context.restore();
}

function paintText(context, node, style) {
  // Not the shorthand: it is empty where figures are tabular.
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  const struck = Boolean(node.parentElement.closest(".refused .name"));
  for (const { text, rect } of linesOf(node)) {
    context.fillText(text, rect.left, rect.top + rect.height / 2);
    if (struck) strokeLine(context, style.color, 1.5, rect, rect.top + rect.height / 2, "solid");
  }
}

// A text node line by line, as it is broken on the screen.
function linesOf(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()].filter((rect) => rect.width);
  if (rects.length < 2) return rects.map((rect) => ({ text: node.textContent, rect }));
  const lines = [];
  for (let i = 0; i < node.length; i++) {
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    const rect = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (last && Math.abs(last.rect.top - rect.top) < 2) last.text += node.data[i];
    else if (rect.width) lines.push({ text: node.data[i], rect });
  }
  return lines;
}
