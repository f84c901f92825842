// What the components share; it stands before each one's own script. Text is only ever set as textContent.

function element(name, className = "", text = "") {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}

function toolButton(label, title, act) {
  const node = element("button", "tool", label);
  node.type = "button";
  node.title = title;
  node.setAttribute("aria-label", title);
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

// Texts of tokens stand as JSON strings: exact, and no spreadsheet takes one for a formula.
function saveCsv(rows, name) {
  const cell = (value) => (typeof value === "number" ? String(value) : `"${String(value ?? "").replaceAll('"', '""')}"`);
  saveBlob(new Blob([rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n"], { type: "text/csv" }), name);
}

function savePng(canvas, name) {
  canvas.toBlob((blob) => saveBlob(blob, name), "image/png");
}

function themeColour(node, name) {
  return getComputedStyle(node).getPropertyValue(name).trim();
}

// A part of the page as a picture: backgrounds, lines and text, from where the browser has put them.
function pictureOf(root) {
  const scale = 2;
  const box = root.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(root.scrollWidth) * scale;
  canvas.height = Math.ceil(root.scrollHeight) * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = themeColour(root, "--st-background-color");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(-box.left, root.scrollTop - box.top);
  context.textBaseline = "middle";
  for (const node of root.querySelectorAll("*")) paintNode(context, node);
  return canvas;
}

function paintNode(context, node) {
  const style = getComputedStyle(node);
  const rect = node.getBoundingClientRect();
  if (!rect.width || !rect.height) return;
  context.fillStyle = style.backgroundColor;
  context.fillRect(rect.left, rect.top, rect.width, rect.height);
  if (style.backgroundImage !== "none") {
    const height = parseFloat(style.backgroundSize.split(" ")[1]) || 0;
    context.fillStyle = themeColour(node, "--line-colour");
    context.fillRect(rect.left, rect.bottom - height, rect.width, height);
  }
  if (node instanceof HTMLCanvasElement) context.drawImage(node, rect.left, rect.top, rect.width, rect.height);
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
