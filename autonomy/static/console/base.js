/* What unfold's and Django's scripts and templates leave out, for those who listen to a page or use no mouse. */

/** Icons are letters of a font: read aloud they are words like “dock_to_right”. */
function hideIcons() {
  for (const icon of document.querySelectorAll(".material-symbols-outlined:not([aria-hidden])")) {
    icon.setAttribute("aria-hidden", "true");
    const link = icon.closest("a[title], button[title]");
    if (link && !link.hasAttribute("aria-label")) link.setAttribute("aria-label", link.title.trim());
  }
}

/** Django's box to choose from names its search field by a label on a <span> that may have none. */
function nameSelectors() {
  for (const hint of document.querySelectorAll(".selector span[aria-label]:not([role])")) hint.setAttribute("role", "img");
}

/** Unfold's menus beside a field, and its filters, open on a click only. */
function reachWithKeys() {
  const names = { more_vert: "More", filter_list: "Filters" };
  for (const part of document.querySelectorAll("div[x-ref][x-on\\:click], a:not([href])[x-on\\:click]")) {
    part.setAttribute("role", "button");
    part.tabIndex = 0;
    const icon = part.textContent.trim();
    if (names[icon]) part.setAttribute("aria-label", names[icon]);
    part.addEventListener("keydown", (event) => {
      if (event.target !== part || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      part.click();
    });
  }
}

addEventListener("load", () => {
  hideIcons();
  nameSelectors();
  reachWithKeys();
});
