// What stands around the conversation: the bot's clock, the drawer of a phone, the pane, the home tab.

import { afterUpdate, go, here, toEnd } from "./live.js";
import { post, toast } from "./api.js";

let lead = 0; // How far the bot's clock is ahead of this machine's.
let greeted = "";

function tick() {
  const time = document.querySelector("#clock time");
  if (!time) return;
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: time.dataset.zone, weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).formatToParts(Date.now() + lead);
  const part = (type) => parts.find((each) => each.type === type).value;
  time.textContent = `${part("weekday")} ${part("day")} ${part("month")} ${part("hour")}:${part("minute")}:${part("second")}`;
}

function synchronise() {
  lead = Number(document.querySelector("#clock time").dataset.now) - Date.now();
  tick();
}

async function advance(button) {
  const buttons = document.querySelectorAll("#clock button");
  for (const each of buttons) each.disabled = true;
  button.classList.add("busy");
  try {
    await post("clock", { advance: button.dataset.advance });
  } catch (error) {
    toast(error.message);
  }
  for (const each of buttons) each.disabled = false;
  button.classList.remove("busy");
  button.focus();
}

function drawer(open) {
  const app = document.getElementById("app");
  app.classList.toggle("drawer", open);
  document.getElementById("menu").setAttribute("aria-expanded", String(open));
  if (open) document.querySelector("#sidebar a[aria-current=page]")?.focus();
}

/** Slack tells the app whenever someone opens its home. */
function greet() {
  const place = here().tab === "home" ? here().user : "";
  if (place && place !== greeted) post("event", { user: place, type: "app_home_opened" }).catch((error) => toast(error.message));
  greeted = place;
}

function escape(event) {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], [popover]:popover-open:not(#toasts)")) return;
  const app = document.getElementById("app");
  if (app.classList.contains("drawer")) {
    drawer(false);
    document.getElementById("menu").focus();
    return;
  }
  const close = document.querySelector("[data-close-pane]");
  if (close) go(close.getAttribute("href"));
}

/** Listens for the frame of the page. */
export function start() {
  setInterval(tick, 1000);
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-act]");
    const act = control?.dataset.act;
    if (act === "advance") advance(control);
    else if (act === "drawer") drawer(!document.getElementById("app").classList.contains("drawer"));
    else if (act === "latest") {
      toEnd(document.getElementById("messages"));
      control.hidden = true;
    }
  });
  document.addEventListener("keydown", escape);
  afterUpdate(({ moved }) => {
    if (moved) drawer(false);
    synchronise();
    greet();
  });
}
