// A link into a folded list opens what it leads to. Without scripts the page's style shows it.
function unfold() {
  const target = document.getElementById(location.hash.slice(1));
  const folded = target?.closest("details");
  if (folded && !folded.open) {
    folded.open = true;
    target.scrollIntoView();
  }
}

addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  // The same link once more changes no address.
  if (event.target.closest?.('a[href^="#"]')) setTimeout(unfold);
});
unfold();
