// Keeps the page up to date: fetches the server-rendered view on every change and on every move, and keeps the scroll.

import { morph, remember } from "./morph.js";
import { post } from "./api.js";

const app = document.getElementById("app");
const offline = document.getElementById("offline");
const after = []; // What runs once the screen is up to date.
const NEAR = 48; // Pixels from the end that count as "at the end".
let fetching = false;
let again = false;

/** Where the page is: who looks, at what. */
export const here = () => app.dataset;

/** Runs `what({moved})` after every update. */
export const afterUpdate = (what) => after.push(what);

const logs = () => [...app.querySelectorAll('[role="log"]')];
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

/** Scrolls a list of messages to its end. */
export function toEnd(log) {
  log.scrollTop = log.scrollHeight;
}

async function fetchOnce() {
  const asked = location.search;
  const answer = await fetch(`/page/view${asked}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const html = await answer.text();
  if (asked !== location.search) {
    again = true; // The person has moved on meanwhile.
    return;
  }
  const next = new DOMParser().parseFromString(html, "text/html").getElementById("app");
  const moved = next.dataset.user !== app.dataset.user || next.dataset.channel !== app.dataset.channel || next.dataset.tab !== app.dataset.tab;
  const ends = new Map(logs().map((log) => [log.dataset.key, { end: atEnd(log), last: log.lastElementChild?.dataset.key }]));
  const drawer = app.classList.contains("drawer") && !moved;
  morph(app, next);
  app.classList.toggle("drawer", drawer);
  document.title = app.dataset.title;
  for (const log of logs()) {
    const before = ends.get(log.dataset.key);
    if (!before || before.end) toEnd(log);
    else if (before.last !== log.lastElementChild?.dataset.key) app.querySelector("#latest")?.removeAttribute("hidden");
  }
  for (const what of after) what({ moved });
}

/** Brings the page up to date; calls during an update are joined into one more. */
export async function refresh() {
  again = true;
  if (fetching) return;
  fetching = true;
  while (again) {
    again = false;
    try {
      await fetchOnce();
      offline.hidden = true;
    } catch {
      offline.hidden = false;
    }
  }
  fetching = false;
}

/** Goes to another view of the workspace. */
export function go(url) {
  history.pushState(null, "", url);
  return refresh();
}

function markRead() {
  const log = document.getElementById("messages");
  if (!log || document.visibilityState !== "visible" || here().unread === "0" || !atEnd(log)) return;
  post("read", { user: here().user, channel: here().channel }).catch(() => {});
}

/** Starts: listens for changes of the workspace and for moves of the person. */
export function start() {
  remember(app.parentElement);
  logs().forEach(toEnd);
  const stream = new EventSource("/local/stream");
  stream.onmessage = refresh;
  stream.onopen = refresh;
  stream.onerror = () => { offline.hidden = false; };
  addEventListener("popstate", refresh);
  document.addEventListener("visibilitychange", markRead);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-nav]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
  app.addEventListener("scroll", (event) => {
    if (event.target.id !== "messages" || !atEnd(event.target)) return;
    document.getElementById("latest")?.setAttribute("hidden", "");
    markRead();
  }, true);
  afterUpdate(markRead);
  for (const what of after) what({ moved: true });
}
