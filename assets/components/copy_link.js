// A button that copies the address of the page. Where the browser does not allow that, the address is shown,
// selected, to be copied by hand.

export default function (component) {
  const { parentElement } = component;
  const button = parentElement.querySelector("button");
  const field = parentElement.querySelector("input");
  const status = parentElement.querySelector("span");
  button.textContent = button.dataset.done ?? "Copy link";

  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      field.hidden = true;
      say("Link copied");
    } catch {
      field.value = window.location.href;
      field.hidden = false;
      field.focus();
      field.select();
      say("Press Ctrl+C");
    }
  };

  function say(text) {
    button.textContent = button.dataset.done = text;
    status.textContent = text;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      delete button.dataset.done;
      button.textContent = "Copy link";
      status.textContent = "";
    }, 2500);
  }

  return () => clearTimeout(button.timer);
}
