// The wizard: lists as tags, and only the parameters that need input. Without it, lists are one item a line.
import { announce } from "./app.js";

for (const area of document.querySelectorAll("textarea[data-tags]")) tags(area);
onlyNeeded();
exclusions();

function tags(area) {
  const read = () => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (area.value.trim().startsWith("[")) return;
  const box = Object.assign(document.createElement("div"), { className: "tagbox" });
  const entry = Object.assign(document.createElement("input"), { type: "text", autocomplete: "off", id: area.id });
  const label = document.querySelector(`label[for="${CSS.escape(area.id)}"]`)?.firstChild?.textContent.trim() ?? "item";
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (area.hasAttribute(name)) entry.setAttribute(name, area.getAttribute(name));
  }
  // Who was quick and types already goes on typing: the line under way moves along, and the focus with it.
  const typing = document.activeElement === area;
  if (typing) {
    const lines = area.value.split("\n");
    entry.value = lines.pop();
    area.value = lines.join("\n");
  }
  area.removeAttribute("id");
  area.hidden = true;
  area.after(box);

  const draw = () => {
    box.replaceChildren(...read().map((text, at) => {
      const tag = Object.assign(document.createElement("span"), { textContent: text });
      const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
      remove.setAttribute("aria-label", `Remove ${text}`);
      remove.onclick = () => {
        const left = read();
        left.splice(at, 1);
        area.value = left.join("\n");
        draw();
        entry.focus();
        announce(`${text} removed`);
      };
      tag.append(remove);
      return tag;
    }), entry);
    entry.placeholder = read().length ? "" : "type, then Enter";
  };
  const add = (text) => {
    const items = text.split(/[\n,]+/).map((item) => item.trim()).filter(Boolean);
    if (!items.length) return;
    area.value = [...new Set([...read(), ...items])].join("\n");
    entry.value = "";
    draw();
    entry.focus();
    announce(`${items.join(", ")} added to ${label}`);
  };
  entry.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || (event.key === "," && !/[\[{(]/.test(entry.value))) {
      // A comma inside a regular expression's braces belongs to it.
      if (!entry.value.trim() && event.key === "Enter") return;
      event.preventDefault();
      area.value = [...new Set([...read(), entry.value.trim()].filter(Boolean))].join("\n");
      announce(`${entry.value.trim()} added to ${label}`);
      entry.value = "";
      draw();
      entry.focus();
    } else if (event.key === "Backspace" && !entry.value) {
      box.querySelector("span:last-of-type button")?.click();
    }
  });
  entry.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    if (!text.includes("\n")) return;
    event.preventDefault();
    add(text.replaceAll(",", "\n"));
  });
  const keep = () => {
    if (!entry.value.trim()) return;
    area.value = [...new Set([...read(), entry.value.trim()])].join("\n");
    entry.value = "";
  };
  entry.addEventListener("blur", () => { keep(); draw(); });
  area.form.addEventListener("submit", keep);
  box.addEventListener("click", (event) => { if (event.target === box) entry.focus(); });
  draw();
  if (typing) entry.focus();
}

function onlyNeeded() {
  const control = document.querySelector("[data-only-needed]");
  if (!control) return;
  control.hidden = false;
  const box = control.querySelector("input");
  const fields = [...control.parentElement.querySelectorAll("[data-required]")];
  const show = () => {
    for (const field of fields) field.hidden = box.checked && field.dataset.required !== "yes" && !("wrong" in field.dataset);
  };
  box.addEventListener("change", () => {
    show();
    announce(`${fields.filter((field) => !field.hidden).length} of ${fields.length} parameters shown`);
  });
  // Where something needs input, the person came for that; where nothing does, there is something to look at.
  box.checked = fields.some((field) => field.dataset.required === "yes") && fields.length > 3;
  show();
}

function exclusions() {
  const scope = document.getElementById("scope");
  const labels = [...document.querySelectorAll("label[data-scope]")];
  if (!scope || !labels.length) return;
  const show = () => {
    const outer = scope.value.toLowerCase();
    for (const label of labels) {
      label.hidden = !outer || !label.dataset.scope.toLowerCase().startsWith(`${outer}/`);
      if (label.hidden) label.querySelector("input").checked = false;
    }
    const details = labels[0].closest("details");
    details.hidden = labels.every((label) => label.hidden);
  };
  scope.addEventListener("change", show);
  show();
}
