// The open page follows the service's events: the part that is concerned asks for itself again.

const TOPICS = ["records", "assignments", "definitions", "clusters", "denials", "activity"];
const GATHER = 120; // ms in which events count as one
const SPACING = 600; // ms between two refreshes of one part, so a storm of events does not become one of requests

export function follow(announce) {
  const parts = [...document.querySelectorAll("[data-live]")];
  const pulse = document.getElementById("pulse");
  if (!pulse) return;
  let fresh = Date.now();
  let state = "off";

  const say = () => {
    const seconds = Math.floor((Date.now() - fresh) / 1000);
    const since = seconds < 2 ? "just now" : seconds < 60 ? `${seconds}s ago` : `${Math.floor(seconds / 60)} min ago`;
    const text = state === "live" ? `Live · updated ${since}` : state === "lost" ? "Reconnecting…" : "Not live";
    pulse.dataset.state = state;
    pulse.firstElementChild.textContent = text;
  };
  const become = (next) => {
    if (next !== state && next === "lost") announce("The connection is lost; reconnecting.");
    if (next !== state && state === "lost") announce("Connected again.");
    state = next;
    say();
  };

  const waiting = new Map();
  const last = new Map();
  const refresh = (part) => {
    if (waiting.has(part)) return;
    const pause = Math.max(GATHER, (last.get(part) ?? 0) + SPACING - Date.now());
    waiting.set(part, setTimeout(() => {
      waiting.delete(part);
      last.set(part, Date.now());
      // The address may have changed since (filters): the part shows what the address says.
      part.setAttribute("hx-get", location.pathname + location.search);
      htmx.ajax("GET", location.pathname + location.search, { source: part, target: part, swap: "innerMorph" });
    }, pause));
  };
  const concerned = (topic) => parts.filter((part) => part.dataset.live.split(" ").includes(topic));

  document.addEventListener("htmx:after:swap", () => {
    fresh = Date.now();
    say();
    announce(document.querySelector("[data-say]")?.dataset.say);
  });

  const stream = new EventSource("/live");
  let before = false;
  stream.addEventListener("hello", () => {
    if (before) parts.forEach(refresh); // what happened while it was away is not known
    before = true;
    become("live");
  });
  stream.addEventListener("reconnected", () => parts.forEach(refresh));
  for (const topic of TOPICS) stream.addEventListener(topic, () => concerned(topic).forEach(refresh));
  stream.onerror = () => become("lost");
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  setInterval(say, 1000);
}
