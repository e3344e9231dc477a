// Every page: live refresh, relative times, keyboard, copying, tabs, theme. No page needs it to be read.
import { follow } from "./live.js";
import { keys } from "./keys.js";

const words = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function ago(moment) {
  const seconds = Math.max(0, Math.floor((Date.now() - moment) / 1000));
  if (seconds < 5) return "just now";
  const [size, unit] = words.find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

export function announce(text) {
  const region = document.getElementById("announcer");
  if (region && text && region.textContent !== text) region.textContent = text;
}

export function toast(text) {
  document.querySelector(".toast")?.remove();
  const box = Object.assign(document.createElement("div"), { className: "toast", textContent: text });
  document.body.append(box);
  announce(text);
  setTimeout(() => box.remove(), 2200);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard API; a selected text field still copies.
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast("Copied");
}

function prepare(root) {
  for (const button of root.querySelectorAll("[data-copy], [data-copy-link]")) button.hidden = false;
  // On a narrow screen a row is a block, and each cell needs the name of its column.
  for (const table of root.querySelectorAll(".table-wrap > table")) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.querySelector(".sr") ? "" : cell.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? []) {
      [...row.cells].forEach((cell, at) => { if (heads[at]) cell.dataset.label = heads[at]; });
    }
  }
}

function tick() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

function tabs() {
  const bar = document.querySelector("[data-tabs]");
  if (!bar) return;
  const panels = [...document.querySelectorAll("[data-tab]")];
  const show = () => {
    const wanted = panels.find((panel) => `#${panel.id}` === location.hash) ?? panels[0];
    for (const panel of panels) panel.hidden = panel !== wanted;
    for (const link of bar.querySelectorAll("a")) {
      if (link.hash === `#${wanted.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  bar.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.hash);
    show();
  });
  addEventListener("hashchange", show);
  show();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-link]");
  if (button) copy(button.dataset.copy ?? location.href);
  if (event.target.closest("[data-help]")) {
    event.preventDefault();
    document.getElementById("help").showModal();
  }
});
document.addEventListener("htmx:after:swap", () => { prepare(document); tick(); });
document.addEventListener("htmx:before:swap", (event) => {
  // An error page must not take the place of a part of this page.
  const status = event.detail.ctx?.response?.status ?? 200;
  if (status < 400) return;
  event.preventDefault();
  // A refresh that failed is tried again with the next event; what a person asked for is answered in words.
  if (event.detail.ctx.sourceElement?.matches("[data-live]")) return;
  const page = new DOMParser().parseFromString(event.detail.ctx.text ?? "", "text/html");
  const problem = page.querySelector(".problem");
  if (problem) document.getElementById("main").prepend(Object.assign(problem, { id: "failure" }));
  else toast(`The service answered ${status}.`);
  problem?.scrollIntoView({ block: "nearest" });
});
document.addEventListener("htmx:before:request", (event) => {
  if (!event.detail.ctx?.sourceElement?.matches("[data-live]")) document.getElementById("failure")?.remove();
});

prepare(document);
tabs();
setInterval(tick, 5000);
keys({ copy: () => copy(location.href) });
follow(announce);
