// The list's checkboxes: all at once, and how many are chosen. Without this script they work one by one.
const boxes = [...document.querySelectorAll("#result_list input.action-select")];
const all = document.getElementById("action-toggle");
const count = document.querySelector("[data-selected-count]");

function tell() {
  const chosen = boxes.filter((box) => box.checked).length;
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  if (count) {
    count.textContent = chosen
      ? `With ${chosen} selected ${chosen === 1 ? "run" : "runs"}:`
      : "With the selected runs:";
  }
  for (const box of boxes) {
    box.closest("tr").classList.toggle("selected", box.checked);
  }
}

all?.addEventListener("change", () => {
  boxes.forEach((box) => (box.checked = all.checked));
  tell();
});
boxes.forEach((box) => box.addEventListener("change", tell));
// Coming back, the browser sets the boxes as they were.
window.addEventListener("pageshow", tell);
