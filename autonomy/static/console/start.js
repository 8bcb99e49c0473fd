// The start page as it is filled in: the estimate follows, and chosen files are named. Without this the page does the same by its buttons.

const form = document.getElementById("start-form");
const region = document.getElementById("estimate");
const input = form.querySelector('input[type="file"]');
const list = document.getElementById("chosen-files");
const QUIET = 700; // ms without a key before the server is asked
const UNASKED = new Set(["json_text", "idempotency_key", "do", "change"]);

let waiting;
let asking;
let shown = region.innerHTML;

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, QUIET);
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  region.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.estimate, { method: "POST", body: filledIn(), credentials: "same-origin", signal });
    const told = answer.ok && !answer.redirected ? await answer.text() : "";
    // Said once: the same words are not read out again.
    if (told && told !== shown && !signal.aborted) region.innerHTML = shown = told;
  } catch {
    // The last estimate stands; the button asks again.
  } finally {
    if (!signal.aborted) region.removeAttribute("aria-busy");
  }
}

// What the form says, with the sizes of files in the place of files.
function filledIn() {
  const data = new FormData(form);
  for (const name of UNASKED) data.delete(name);
  data.delete(input.name);
  for (const file of input.files) data.append("sizes", String(file.size));
  return data;
}

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  let step = 0;
  while (bytes >= 1024 && step < units.length - 1) {
    bytes /= 1024;
    step += 1;
  }
  return `${step ? bytes.toFixed(1) : bytes} ${units[step]}`;
}

function nameFiles() {
  const endings = input.accept.split(",");
  const most = Number(form.dataset.maxBytes);
  list.replaceChildren(
    ...Array.from(input.files, (file) => {
      const item = document.createElement("li");
      item.textContent = `${file.name}, ${size(file.size)}`;
      const wrong = !endings.some((ending) => file.name.toLowerCase().endsWith(ending))
        ? "it cannot be read"
        : file.size > most
          ? "it is too large"
          : file.size
            ? ""
            : "it is empty";
      if (wrong) {
        item.classList.add("start-wrong");
        item.textContent += `: ${wrong}`;
      }
      return item;
    }),
  );
  list.hidden = !input.files.length;
}

form.addEventListener("input", (event) => {
  if (!UNASKED.has(event.target.name)) later();
});
input.addEventListener("change", () => {
  nameFiles();
  later();
});
nameFiles();
// Where the browser does not do it by itself.
window.addEventListener("load", () => {
  if (document.activeElement === document.body) document.getElementById("error-summary")?.focus();
});
