/* What unfold's and Django's scripts and templates leave out, for those who listen to a page or use no mouse. */

const NAMES = { filter_list: "Filters", more_horiz: "Actions", more_vert: "More", search: "Search" };

/** Icons are letters of a font: read aloud they are words like “dock_to_right”. What is an icon only gets a name. */
function hideIcons() {
  for (const icon of document.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) {
    icon.setAttribute("aria-hidden", "true");
    const control = icon.closest("a, button, [x-ref]");
    const letters = icon.textContent.trim();
    if (!control || control.hasAttribute("aria-label") || control.textContent.trim() !== letters) continue;
    const name = control.title.trim() || NAMES[letters];
    if (name) control.setAttribute("aria-label", name);
  }
}

/** Django's box to choose from names its search field by a label on a <span> that may have none. */
function nameSelectors() {
  for (const hint of document.querySelectorAll(".selector span[aria-label]:not([role])")) hint.setAttribute("role", "img");
}

/** Some of unfold's menus, and its filters, open on a click only. */
function reachWithKeys() {
  for (const part of document.querySelectorAll("div[x-ref][x-on\\:click], a:not([href])[x-on\\:click]")) {
    part.setAttribute("role", "button");
    part.tabIndex = 0;
    part.addEventListener("keydown", (event) => {
      if (event.target !== part || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      part.click();
    });
  }
}

// After Django's own, which also wait for this event.
addEventListener("load", () => setTimeout(() => [hideIcons, nameSelectors, reachWithKeys].forEach((mend) => mend())));
