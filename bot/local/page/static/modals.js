// Modals: shows the stack that the server rendered, checks fields as Slack's client does, submits and closes.

import { afterUpdate, here, refresh } from "./live.js";
import { forget } from "./morph.js";
import { post } from "./api.js";

const all = () => [...document.querySelectorAll("#modals dialog")];

const left = new Set(); // Modals of the page's earlier life: a client that starts anew has none, as Slack's.

let opener = null; // What had the focus before the first modal; it gets it back after the last.

function show() {
  const stack = all().filter((dialog) => !left.has(dialog.dataset.viewId));
  if (opener && !stack.length) {
    (opener.isConnected ? opener : document.querySelector("#composer-text"))?.focus();
    opener = null;
  } else if (stack.length && !opener) {
    opener = document.activeElement;
  }
  for (const [index, dialog] of stack.entries()) {
    dialog.classList.toggle("below", index < stack.length - 1);
    if (dialog.open) continue;
    dialog.showModal();
    const first = dialog.querySelector(".modal-body :is(input, textarea, select)") ?? dialog.querySelector("footer [type=submit]");
    (first ?? dialog).focus();
  }
  // A field that the app refused is where the person goes on.
  const top = stack.at(-1);
  const refused = top?.querySelector(".invalid :is(input, textarea, select)");
  if (refused && !top.contains(document.activeElement?.closest(".invalid"))) refused.focus();
}

const fields = (dialog) => [...dialog.querySelectorAll(".modal-body [data-field]")];

function value(field) {
  const control = field.querySelector("[data-action-id]");
  // A moment travels as seconds since 1970.
  if (control.type === "datetime-local" && control.value) return String(Date.parse(`${control.value}Z`) / 1000);
  if (!control.dataset.kind) return control.value || null;
  const ticked = [...control.querySelectorAll("input:checked")].map((each) => each.value);
  return control.dataset.kind === "radio" ? (ticked[0] ?? null) : ticked;
}

/** What is wrong with a field before it is sent, in Slack's words; empty if nothing is. */
function fault(field) {
  const control = field.querySelector("[data-action-id]");
  const given = value(field);
  const empty = given === null || given.length === 0;
  if (empty) return "required" in field.dataset ? "Please complete this required field." : "";
  if (control.minLength > 0 && given.length < control.minLength) return `Please enter at least ${control.minLength} characters.`;
  return control.validity?.valid === false ? control.validationMessage : "";
}

function complain(field, text) {
  field.classList.toggle("invalid", Boolean(text));
  field.querySelector(".field-error").textContent = text;
  const control = field.querySelector("[data-action-id]");
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

function focusFirst(dialog) {
  dialog.querySelector(".invalid :is(input, textarea, select)")?.focus();
}

async function submit(dialog) {
  const faults = fields(dialog).map((field) => [field, fault(field)]);
  for (const [field, text] of faults) complain(field, text);
  if (faults.some(([, text]) => text)) return focusFirst(dialog);
  const values = {};
  for (const field of fields(dialog)) {
    const control = field.querySelector("[data-action-id]");
    values[field.dataset.field] = { [control.dataset.actionId]: value(field) };
  }
  const note = dialog.querySelector(".modal-error");
  const button = dialog.querySelector("[type=submit]");
  note.textContent = "";
  button.classList.add("busy");
  try {
    await post("submit", { user: here().user, view_id: dialog.dataset.viewId, values });
  } catch (error) {
    if (error.status !== 422) note.textContent = error.message; // 422: the view says it at its fields.
  }
  button.classList.remove("busy");
  forget(dialog); // What the person has corrected since may be refused again in the same words.
  await refresh();
}

async function close(dialog) {
  try {
    await post("close", { user: here().user, view_id: dialog.dataset.viewId });
  } catch (error) {
    dialog.querySelector(".modal-error").textContent = error.message;
  }
}

/** Listens for the modals of the page. */
export function start() {
  const place = document.getElementById("app");
  for (const dialog of all().reverse()) {
    left.add(dialog.dataset.viewId);
    close(dialog);
  }
  place.addEventListener("submit", (event) => {
    const dialog = event.target.closest("#modals dialog");
    if (!dialog) return;
    event.preventDefault();
    submit(dialog);
  });
  place.addEventListener("click", (event) => {
    if (event.target.closest('[data-act="close-view"]')) close(event.target.closest("dialog"));
  });
  // Escape asks the server to close, as the cross does: the app may want to know.
  place.addEventListener("cancel", (event) => {
    if (!event.target.matches("#modals dialog")) return;
    event.preventDefault();
    close(event.target);
  }, true);
  // Chromium closes a dialog on a second Escape whatever the page says; the server still has it open.
  place.addEventListener("close", (event) => {
    if (event.target.matches("#modals dialog") && event.target.isConnected) close(event.target);
  }, true);
  place.addEventListener("input", (event) => {
    const field = event.target.closest(".field.invalid");
    if (field) complain(field, "");
  });
  afterUpdate(show);
}
