// The message box: drafts per conversation, completion of slash commands, usage hints, sending.

import { afterUpdate, here } from "./live.js";
import { post, tell, toast } from "./api.js";

const drafts = new Map(); // Conversation → half-typed text.

const list = (form) => form.querySelector(".completion");
const options = (form) => [...(list(form)?.querySelectorAll("[role=option]") ?? [])];
const offered = (form) => options(form).filter((each) => !each.hidden);
const selected = (form) => options(form).find((each) => each.getAttribute("aria-selected") === "true");

function select(form, option) {
  for (const each of options(form)) each.setAttribute("aria-selected", String(each === option));
  const text = form.querySelector("textarea");
  if (option) {
    text.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    text.removeAttribute("aria-activedescendant");
  }
}

function offer(form) {
  if (!list(form)) return;
  const text = form.querySelector("textarea");
  const typed = text.value.startsWith("/") && !/\s/.test(text.value) ? text.value.toLowerCase() : null;
  for (const each of options(form)) each.hidden = typed === null || !each.dataset.command.startsWith(typed);
  const some = offered(form).length > 0;
  list(form).hidden = !some;
  text.setAttribute("aria-expanded", String(some));
  select(form, some ? offered(form)[0] : null);
}

function hint(form) {
  const usage = form.querySelector(".usage");
  const text = form.querySelector("textarea").value;
  const [command] = text.split(/\s/, 1);
  const known = options(form).find((each) => each.dataset.command === command);
  const started = text.startsWith("/") && /\s/.test(text);
  usage.replaceChildren();
  usage.classList.toggle("wrong", started && !known);
  if (started && list(form) && options(form).length) {
    if (known) {
      const name = document.createElement("b");
      name.textContent = `${known.dataset.command} ${known.dataset.usage}`;
      usage.append(name, known.dataset.description ? ` · ${known.dataset.description}` : "");
    } else {
      usage.append(`${command} is not a command of this workspace.`);
    }
  }
  usage.hidden = !usage.hasChildNodes();
}

function changed(form) {
  const text = form.querySelector("textarea");
  if (text.value) drafts.set(form.dataset.draft, text.value);
  else drafts.delete(form.dataset.draft);
  offer(form);
  hint(form);
}

function complete(form, option) {
  const text = form.querySelector("textarea");
  text.value = `${option.dataset.command} `;
  text.focus();
  changed(form);
}

function write(form, value) {
  form.querySelector("textarea").value = value;
  changed(form);
}

async function send(form) {
  const typed = form.querySelector("textarea").value.trim();
  if (!typed) return;
  const { user, channel } = here();
  const thread = form.dataset.thread;
  if (typed.startsWith("/")) {
    const [, command, text] = /^(\/\S*)\s*([^]*)$/.exec(typed);
    if (thread) return toast(`${command} is not supported in threads. Sorry!`);
    write(form, "");
    try {
      await post("command", { user, channel, command, text }); // If the app fails, Slackbot says so in the channel.
    } catch (error) {
      if (error.status !== 404) toast(error.message);
      if (form.isConnected && !form.querySelector("textarea").value) write(form, typed);
    }
    return;
  }
  write(form, "");
  const body = { user, channel, text: typed };
  if (thread) body.thread_ts = thread;
  const said = await tell("message", body, "The message");
  if (!said && form.isConnected) write(form, typed);
}

const CHOOSING = {
  ArrowDown: (form, shown, at) => select(form, shown[(at + 1) % shown.length]),
  ArrowUp: (form, shown, at) => select(form, shown[(at - 1 + shown.length) % shown.length]),
  Tab: (form, shown, at) => complete(form, shown[at]),
  Escape: (form) => {
    list(form).hidden = true;
    form.querySelector("textarea").setAttribute("aria-expanded", "false");
    select(form, null);
  },
};

function key(event) {
  const form = event.target.closest("form.composer");
  if (!form || event.isComposing) return;
  const choosing = list(form)?.hidden === false ? selected(form) : undefined;
  const shown = offered(form);
  if (choosing && CHOOSING[event.key] && !event.shiftKey) {
    event.preventDefault();
    event.stopPropagation();
    CHOOSING[event.key](form, shown, shown.indexOf(choosing));
  } else if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    const whole = choosing?.dataset.command === event.target.value;
    if (choosing && !whole) complete(form, choosing);
    else send(form);
  }
}

function restore({ moved }) {
  for (const form of document.querySelectorAll("form.composer")) {
    const text = form.querySelector("textarea");
    if (text && !text.value && drafts.has(form.dataset.draft)) write(form, drafts.get(form.dataset.draft));
  }
  const free = !document.activeElement || document.activeElement === document.body || document.activeElement.matches("a[data-nav]");
  const touch = matchMedia("(pointer: coarse)").matches;
  const dialog = document.querySelector("dialog[open]");
  if (dialog || touch) return;
  const reply = document.querySelector("#pane form.composer textarea");
  if (reply && !reply.dataset.seen) {
    reply.dataset.seen = "true";
    reply.focus();
  } else if (moved && free && !document.activeElement.matches("#sidebar :focus-visible")) {
    document.querySelector("#main form.composer textarea")?.focus({ preventScroll: true });
  }
}

/** Listens for every message box of the page. */
export function start() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form.composer");
    if (form) changed(form);
  });
  document.addEventListener("keydown", key, true);
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest(".completion [role=option]");
    if (!option) return;
    event.preventDefault();
    complete(option.closest("form"), option);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.composer");
    if (!form) return;
    event.preventDefault();
    send(form);
  });
  afterUpdate(restore);
}
