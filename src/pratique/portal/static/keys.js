// The keyboard. Keys work outside of fields only; the list of them is keys.html.

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

export function keys({ copy }) {
  let pending = "";
  let timer = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const was = pending;
    pending = "";
    clearTimeout(timer);
    if (was === "g") {
      document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
      return;
    }
    const act = {
      "/": () => document.querySelector("[data-search]")?.focus(),
      "?": () => document.getElementById("help").showModal(),
      g: () => { pending = "g"; timer = setTimeout(() => { pending = ""; }, 1500); },
      j: () => move(1),
      k: () => move(-1),
      y: copy,
      t: () => document.querySelector("[data-theme-form] button")?.click(),
      Enter: () => document.activeElement === document.body && selected()?.querySelector("a.row-link")?.click(),
    }[event.key];
    if (!act) return;
    if (event.key !== "Enter") event.preventDefault();
    act();
  });
}

const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr")].filter((row) => row.offsetParent);
const selected = () => document.querySelector('tr[aria-selected="true"]');

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(selected());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  selected()?.removeAttribute("aria-selected");
  next.setAttribute("aria-selected", "true");
  next.querySelector("a.row-link")?.focus();
  next.scrollIntoView({ block: "nearest" });
}
