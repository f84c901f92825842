// A row of tokens. Runs again on every change of data or theme: it builds the tokens once a signature.

const NAMES = { prompt: "prompt", forced: "forced by the schema", free: "free choice" };
const PATIENCE = 1000; // milliseconds without an answer, after which the server is asked again
const PACE = 500; // milliseconds a token, while it plays

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const strip = parentElement.querySelector(".strip");
  const card = parentElement.querySelector(".card");

  if (strip.identity !== data.identity) {
    strip.identity = data.identity;
    strip.turn = strip.sent = -1;
    strip.pending = null;
    stop(strip);
  }
  strip.data = data;
  strip.send = (value) => setStateValue("selection", value);
  if (strip.signature !== data.signature) {
    strip.signature = data.signature;
    build(strip);
    hideCard(card);
  }
  strip.classList.toggle("selectable", data.selectable);
  strip.setAttribute("role", data.selectable ? "listbox" : "list");
  strip.tabIndex = 0; // it scrolls, by keys too
  showLegend(parentElement.querySelector(".legend"), data);
  showTools(parentElement, strip);

  // The screen may be ahead of the server when arrow keys are held: an older selection is not shown.
  strip.answered = data.turn;
  if (data.turn >= strip.turn) {
    strip.turn = data.turn;
    paint(strip, data.selected);
  }
  flush(strip);

  strip.onclick = (event) => {
    const token = tokenAt(event);
    if (token) pause(strip, Number(token.dataset.index));
  };
  strip.onkeydown = (event) => {
    if (!data.selectable || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.key === " " && data.controls ? "play" : targetOf(event.key, current(strip), data.tokens.length);
    if (target === null) return;
    event.preventDefault();
    hideCard(card);
    if (target === "play") play(strip);
    else pause(strip, target);
  };
  strip.onmouseover = (event) => {
    const token = tokenAt(event);
    if (token) showToken(card, token, data);
    else hideCard(card);
  };
  strip.onmouseleave = () => hideCard(card);

  return () => {
    if (!strip.isConnected) stop(strip);
    hideCard(card);
  };
}

function tokenAt(event) {
  return event.target.closest(".token");
}

function current(strip) {
  return strip.selected ?? -1;
}

function targetOf(key, index, count) {
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(index + 1, count - 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(index - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return null;
}

function choose(strip, index) {
  const { data } = strip;
  if (!data.selectable || index < 0 || index >= data.tokens.length) return;
  paint(strip, index);
  strip.turn += 1;
  strip.pending = { identity: data.identity, index, turn: strip.turn };
  flush(strip);
}

// One question at a time: while the server is busy only the newest selection waits, so that a held key floods nobody.
function flush(strip) {
  clearTimeout(strip.timer);
  if (!strip.pending) return;
  if (strip.answered < strip.sent) {
    strip.timer = setTimeout(() => ((strip.sent = -1), flush(strip)), PATIENCE);
    return;
  }
  strip.sent = strip.pending.turn;
  strip.send(strip.pending);
  strip.pending = null;
}

function pause(strip, index) {
  stop(strip);
  choose(strip, index);
}

// Playing waits for the server to have shown the token before, so that a slow one is not flooded.
function play(strip) {
  if (strip.player) return stop(strip);
  if (current(strip) >= strip.data.tokens.length - 1) choose(strip, 0);
  strip.player = setInterval(() => {
    if (!strip.isConnected) return stop(strip);
    if (strip.answered < strip.turn) return;
    if (current(strip) >= strip.data.tokens.length - 1) return stop(strip);
    choose(strip, current(strip) + 1);
  }, PACE);
  strip.showState?.();
}

function stop(strip) {
  clearInterval(strip.player);
  strip.player = undefined;
  strip.showState?.();
}

function showTools(parent, strip) {
  const { data } = strip;
  const wanted = `${data.controls} ${data.selectable} ${data.tokens.length > 0}`;
  if (strip.tools !== wanted) {
    strip.tools = wanted;
    const some = data.tokens.length > 0;
    parent.querySelector(".walk").replaceChildren(...(some && data.controls ? walkButtons(strip) : []));
    parent.querySelector(".save").replaceChildren(...(some ? saveButtons(strip) : []));
  }
  strip.showState?.();
}

function walkButtons(strip) {
  const free = (from, by) => {
    const { tokens } = strip.data;
    for (let i = from + by; i >= 0 && i < tokens.length; i += by) if (tokens[i][2] === "free") return i;
    return -1;
  };
  const make = (label, title, target) => {
    const node = toolButton(label, title, () => target() >= 0 && pause(strip, target()));
    node.target = target;
    return node;
  };
  const last = () => strip.data.tokens.length - 1;
  const moves = [
    make("Reset", "Back to the first token", () => (current(strip) > 0 ? 0 : -1)),
    make("‹ Back", "One token back", () => current(strip) - 1),
    make("Next ›", "One token on", () => (current(strip) < last() ? current(strip) + 1 : -1)),
    make("« Free choice", "The free choice before", () => free(current(strip), -1)),
    make("Free choice »", "The next free choice", () => free(current(strip), 1)),
  ];
  const player = toolButton("Play", "Play: two tokens a second", () => play(strip));
  strip.showState = () => {
    for (const node of moves) node.disabled = node.target() < 0;
    player.textContent = strip.player ? "Pause" : "Play";
  };
  return [moves[0], moves[1], player, ...moves.slice(2)];
}

function saveButtons(strip) {
  const toggle = toolButton("Show blanks", "Show blanks and line ends as signs", () => {
    strip.plain = !strip.plain;
    toggle.setAttribute("aria-pressed", String(!strip.plain));
    build(strip);
    paint(strip, strip.selected);
  });
  toggle.setAttribute("aria-pressed", String(!strip.plain));
  const csv = () => {
    const { tokens, facts } = strip.data;
    const rows = tokens.map(([text, shade, kind, hover, line, values], i) => [i, JSON.stringify(text), kind, shade, line ?? "", ...values]);
    saveCsv([["token", "text", "kind", "background", "line", ...facts], ...rows], "tokens.csv");
  };
  return [
    toggle,
    toolButton("CSV", "The tokens as CSV", csv),
    toolButton("PNG", "The tokens as a picture", () => savePng(pictureOf(strip, strip.parentElement.querySelector(".legend")), "tokens.png")),
  ];
}

function build(strip) {
  strip.classList.toggle("lines", strip.data.tokens.some((token) => token[4] !== null));
  strip.replaceChildren(...strip.data.tokens.flatMap((token, index) => tokenNodes(token, index, strip)));
}

function tokenNodes([text, shade, kind, , line], index, { data, plain }) {
  const node = element("span", `token ${kind}`);
  node.dataset.index = index;
  node.id = `token-${index}`;
  node.setAttribute("role", data.selectable ? "option" : "listitem");
  if (data.selectable) node.setAttribute("aria-selected", "false");
  const shaded = data.legend && kind !== "prompt" ? `, shade ${Math.round(100 * shade)} %` : "";
  node.setAttribute("aria-label", `${withGlyphs(text)}, ${NAMES[kind]}${shaded}`);
  if (kind !== "prompt") node.style.setProperty("--shade", `${kind === "free" ? 8 + 44 * shade : 52 * shade}%`);
  if (line !== null) {
    node.classList.add("lined");
    node.style.setProperty("--line", `${4 * line}px`);
  }
  node.append(...(plain && text.trim() ? [text.replaceAll("\n", "")] : glyphs(text)));
  return text.endsWith("\n") ? [node, document.createElement("br")] : [node];
}

// Signs are paler than the text that they stand in.
function glyphs(text) {
  if (text === "") return [blank("∅")];
  const [, before, middle, after] = /^( *)([^]*?)( *)$/.exec(text);
  const inner = middle
    .split(/([\u0000-\u001f\u007f])/)
    .filter(Boolean)
    .map((part) => (/^[\u0000-\u001f\u007f]$/.test(part) ? blank(controlGlyph(part)) : document.createTextNode(part)));
  return [before && blank("·".repeat(before.length)), ...inner, after && blank("·".repeat(after.length))].filter(Boolean);
}

function blank(text) {
  return element("span", "blank", text);
}

function paint(strip, index) {
  const old = strip.querySelector(".selected");
  const node = index === null || index === undefined ? null : strip.querySelector(`#token-${index}`);
  if (node && node === old) return strip.showState?.(); // to look where it stands would cost a layout of the page
  old?.classList.remove("selected");
  old?.setAttribute("aria-selected", "false");
  strip.selected = node ? index : null;
  strip.showState?.();
  if (!node) return strip.removeAttribute("aria-activedescendant");
  node.classList.add("selected");
  node.setAttribute("aria-selected", "true");
  strip.setAttribute("aria-activedescendant", node.id);
  // The strip scrolls by itself; the page stays where it is.
  if (node.offsetTop < strip.scrollTop) strip.scrollTop = node.offsetTop - 8;
  const below = node.offsetTop + node.offsetHeight - strip.clientHeight;
  if (below > strip.scrollTop) strip.scrollTop = below + 8;
}

function showLegend(legend, data) {
  const kinds = ["prompt", "forced", "free"].filter((kind) => data.tokens.some((token) => token[2] === kind));
  const sample = (className) => {
    const node = element("span", `token ${className}`, "abc");
    node.style.setProperty("--shade", className === "free" ? "40%" : "0%");
    node.style.setProperty("--line", "3px");
    return node;
  };
  const entry = (className, text) => {
    const node = element("span");
    node.append(sample(className), text);
    return node;
  };
  const all = data.tokens.some((token) => token[2] === "forced" && token[1] > 0); // forced ones are shaded too
  const named = (kind) => (kind === "free" && data.legend && !all ? `${NAMES[kind]}: ${data.legend}` : NAMES[kind]);
  const entries = kinds.map((kind) => entry(kind, named(kind)));
  if (data.legend && all) entries.push(entry("free", data.legend));
  if (data.line_legend && data.tokens.length) entries.push(entry("lined", data.line_legend));
  legend.replaceChildren(...entries);
}

function showToken(card, token, data) {
  const [text, , , hover, , values] = data.tokens[Number(token.dataset.index)];
  const name = element("div", "name", `${token.dataset.index}  ${JSON.stringify(text)}`);
  const parts = [name];
  if (hover) parts.push(element("div", "", hover));
  if (values.length) parts.push(factsTable(values.map((value, i) => [data.facts[i], value])));
  showCard(card, token.getBoundingClientRect(), ...parts);
}
