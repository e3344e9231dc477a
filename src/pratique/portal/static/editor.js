// The template's editor: line numbers, the place of an error, and the indent of the line above.

for (const box of document.querySelectorAll("[data-editor]")) {
  const area = box.querySelector("textarea");
  const gutter = Object.assign(document.createElement("div"), { className: "gutter" });
  gutter.setAttribute("aria-hidden", "true");
  box.prepend(gutter);
  let bad = Number(box.dataset.line || 0);

  const draw = () => {
    const lines = area.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: lines }, (_, at) => {
      const line = Object.assign(document.createElement("div"), { textContent: String(at + 1) });
      if (at + 1 === bad) line.className = "bad";
      return line;
    }));
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", draw);
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey) return;
    const before = area.value.slice(0, area.selectionStart);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const indent = line.match(/^\s*/)[0] + (/[{[(:|]\s*$/.test(line) ? "  " : "");
    event.preventDefault();
    // insertText keeps the browser's own undo, which setRangeText does not.
    document.execCommand("insertText", false, `\n${indent}`);
  });
  draw();
  if (bad) {
    const lines = area.value.split("\n");
    const start = lines.slice(0, bad - 1).reduce((sum, line) => sum + line.length + 1, 0);
    const at = start + Math.max(0, Number(box.dataset.column || 1) - 1);
    area.focus({ preventScroll: true });
    area.setSelectionRange(at, at);
    area.scrollTop = Math.max(0, (bad - 8) * 20);
  }
}
