// The copy buttons of the section for a paper; a page opened as a file may not have the clipboard, so that the text is
// selected as well.
"use strict";
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const block = document.getElementById(`copy-${button.dataset.copy}`);
    const said = button.parentElement.querySelector("[role=status]");
    getSelection().selectAllChildren(block);
    try {
      await navigator.clipboard.writeText(block.textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Selected: press Ctrl+C, or Command+C.";
    }
  });
}
