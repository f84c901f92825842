// Gives the keyboard to a widget once nothing has it: while the page is drawn anew, what had it is still to go.

const [STEP, LONGEST] = [50, 3000]; // ms

export default function ({ data, parentElement }) {
  if (!data.key || parentElement.turn === data.turn) return;
  parentElement.turn = data.turn;
  clearInterval(parentElement.timer);
  const end = Date.now() + LONGEST;
  parentElement.timer = setInterval(() => {
    const target = document.activeElement === document.body && usable(data.key);
    if (target) target.focus();
    if (target || Date.now() > end) clearInterval(parentElement.timer);
  }, STEP);
}

// Streamlit has a button twice, for narrow screens as well; a field's first button is its help.
function usable(key) {
  const parts = [...document.querySelectorAll(`.st-key-${key} :is(input, button):enabled`)];
  const seen = parts.filter((part) => part.checkVisibility());
  return seen.find((part) => part.matches("input")) ?? seen[0];
}
