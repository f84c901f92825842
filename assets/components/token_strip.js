// A row of tokens. Runs again on every change of data or theme: it builds the tokens once a signature.
// All text comes from data or models, so it is only ever set as textContent.

const NAMES = { prompt: "prompt", forced: "forced by the schema", free: "free choice" };

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const strip = parentElement.querySelector(".strip");
  const card = parentElement.querySelector(".card");

  if (strip.dataset.signature !== data.signature) {
    strip.dataset.signature = data.signature;
    strip.replaceChildren(...data.tokens.flatMap(tokenNodes));
    strip.turn = -1;
    hide(card);
  }
  strip.classList.toggle("selectable", data.selectable);
  strip.setAttribute("role", data.selectable ? "listbox" : "list");
  strip.tabIndex = data.selectable ? 0 : -1;
  showLegend(parentElement.querySelector(".legend"), data);

  // The screen may be ahead of the server when arrow keys are held: an older selection is not shown.
  if (data.turn >= strip.turn) {
    strip.turn = data.turn;
    paint(strip, data.selected);
  }

  const choose = (index) => {
    if (!data.selectable || index < 0 || index >= data.tokens.length) return;
    paint(strip, index);
    strip.turn += 1;
    clearTimeout(strip.timer);
    const value = { signature: data.signature, index, turn: strip.turn };
    strip.timer = setTimeout(() => setStateValue("selection", value), 30);
  };
  strip.onclick = (event) => {
    const token = tokenAt(event);
    if (token) choose(Number(token.dataset.index));
  };
  strip.onkeydown = (event) => {
    const current = Number(strip.querySelector(".selected")?.dataset.index ?? -1);
    const target = targetOf(event.key, current, data.tokens.length);
    if (target === null || !data.selectable) return;
    event.preventDefault();
    choose(target);
    strip.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
  };
  strip.onmouseover = (event) => {
    const token = tokenAt(event);
    if (token) show(card, token, data.tokens[Number(token.dataset.index)]);
    else hide(card);
  };
  strip.onmouseleave = () => hide(card);

  return () => {
    clearTimeout(strip.timer);
    hide(card);
  };
}

function tokenAt(event) {
  return event.target.closest(".token");
}

function targetOf(key, current, count) {
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(current + 1, count - 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(current - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return null;
}

function tokenNodes(token, index) {
  const node = document.createElement("span");
  node.className = `token ${token.kind}`;
  node.dataset.index = index;
  node.id = `token-${index}`;
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", "false");
  node.setAttribute("aria-label", `${token.text}, ${NAMES[token.kind]}`);
  if (token.kind === "free") node.style.setProperty("--shade", `${8 + 47 * token.shade}%`);
  node.append(...glyphs(token.text));
  return token.text.endsWith("\n") ? [node, document.createElement("br")] : [node];
}

// Blanks at the edges, line ends and control characters are made visible, paler than the text.
function glyphs(text) {
  if (text === "") return [blank("∅")];
  const [, before, middle, after] = /^( *)([^]*?)( *)$/.exec(text);
  const inner = middle
    .split(/([\u0000-\u001f\u007f])/)
    .filter(Boolean)
    .map((part) => (/^[\u0000-\u001f\u007f]$/.test(part) ? blank(control(part)) : document.createTextNode(part)));
  return [before && blank("·".repeat(before.length)), ...inner, after && blank("·".repeat(after.length))].filter(Boolean);
}

function control(character) {
  if (character === "\n") return "⏎";
  if (character === "\t") return "⇥";
  return character === "\u007f" ? "␡" : String.fromCharCode(0x2400 + character.charCodeAt(0));
}

function blank(text) {
  const node = document.createElement("span");
  node.className = "blank";
  node.textContent = text;
  return node;
}

function paint(strip, index) {
  const old = strip.querySelector(".selected");
  old?.classList.remove("selected");
  old?.setAttribute("aria-selected", "false");
  const node = index === null ? null : strip.querySelector(`#token-${index}`);
  node?.classList.add("selected");
  node?.setAttribute("aria-selected", "true");
  if (node) strip.setAttribute("aria-activedescendant", node.id);
  else strip.removeAttribute("aria-activedescendant");
}

function showLegend(legend, data) {
  const kinds = ["prompt", "forced", "free"].filter((kind) => data.tokens.some((token) => token.kind === kind));
  const entries = kinds.map((kind) => {
    const entry = document.createElement("span");
    const sample = document.createElement("span");
    sample.className = `token ${kind}`;
    sample.style.setProperty("--shade", "40%");
    sample.textContent = "abc";
    entry.append(sample, kind === "free" && data.legend ? `${NAMES[kind]}: ${data.legend}` : NAMES[kind]);
    return entry;
  });
  legend.replaceChildren(...(data.tokens.length ? entries : []));
}

// The card is a popover, in the browser's top layer: no container can clip it.
function show(card, token, { text, hover }) {
  const name = document.createElement("div");
  name.className = "name";
  name.textContent = `${token.dataset.index}  ${JSON.stringify(text)}`;
  const body = document.createElement("div");
  body.textContent = hover;
  card.replaceChildren(name, ...(hover ? [body] : []));
  if (!card.matches(":popover-open")) card.showPopover();
  const at = token.getBoundingClientRect();
  const size = card.getBoundingClientRect();
  const below = at.bottom + 6;
  card.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8))}px`;
  card.style.top = `${below + size.height < window.innerHeight ? below : at.top - size.height - 6}px`;
}

function hide(card) {
  if (card.matches(":popover-open")) card.hidePopover();
}
