// Block Kit's controls: buttons, menus, boxes and pickers, each with the confirm dialog that stands before it.

import { here } from "./live.js";
import { tell, post, toast } from "./api.js";

/** Where a control stands: a message, a modal or the home tab; as `/local/click` wants it. */
function standing(control) {
  const view = control.closest("[data-view-id]");
  if (view) return { view_id: view.dataset.viewId };
  return { channel: here().channel, ts: control.closest("[data-ts]").dataset.ts };
}

/** Asks the control's question, if it has one; true when the person goes on. */
function confirmed(control) {
  const template = control.closest(".control")?.querySelector("template.confirm");
  if (!template) return Promise.resolve(true);
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-label", template.content.querySelector("h2").textContent);
  dialog.append(template.content.cloneNode(true));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) dialog.close(button.value);
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (control.isConnected) control.focus();
      resolve(dialog.returnValue === "confirm");
    });
    dialog.showModal();
    dialog.querySelector('button[value="confirm"]').focus();
  });
}

async function act(control, value, shown) {
  if (!(await confirmed(control))) return false;
  const body = { user: here().user, ...standing(control), action_id: control.dataset.actionId };
  if (value !== "" && value !== undefined) body.value = value;
  control.classList.add("busy");
  const said = await tell("click", body, "That");
  control.classList.remove("busy");
  if (said && shown) control.querySelector(".chosen")?.replaceChildren(shown);
  return Boolean(said);
}

// Menus: one open list at a time, in the top layer; the browser closes it on Escape and on a click elsewhere.

function open(button) {
  const popup = button.parentElement.querySelector(".popup");
  popup.showPopover();
  const box = button.getBoundingClientRect();
  const size = popup.getBoundingClientRect();
  const below = box.bottom + 4 + size.height < innerHeight;
  popup.style.top = `${Math.max(8, below ? box.bottom + 4 : box.top - 4 - size.height)}px`;
  popup.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
  button.setAttribute("aria-expanded", "true");
  popup.addEventListener("toggle", () => button.setAttribute("aria-expanded", "false"), { once: true });
  const items = [...popup.querySelectorAll("[data-value]")];
  (items.find((item) => item.getAttribute("aria-selected") === "true") ?? items[0])?.focus();
}

async function choose(item) {
  const popup = item.closest(".popup");
  const button = popup.parentElement.querySelector("button[data-act=menu]");
  popup.hidePopover();
  button.focus();
  if (button.dataset.lab) {
    const part = button.closest("[data-component]").dataset;
    await set(part, { state: item.dataset.value });
  } else {
    await act(button, item.dataset.value, item.firstChild.textContent);
  }
}

function roam(event, item) {
  const items = [...item.closest(".popup").querySelectorAll("[data-value]")];
  const at = items.indexOf(item);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    items[(to + items.length) % items.length].focus();
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(item);
  } else if (event.key === "Tab") {
    item.closest(".popup").hidePopover();
  } else if (event.key.length === 1) {
    const letter = event.key.toLowerCase();
    const turned = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    turned.find((each) => each.textContent.trim().replace(/^[@#]/, "").toLowerCase().startsWith(letter))?.focus();
  }
}

// The lab: states, values and the members of user groups.

/** Breaks or sets a component of the lab. */
async function set({ system, component }, body) {
  try {
    await post(`lab/${encodeURIComponent(system)}/${encodeURIComponent(component)}`, body);
  } catch (error) {
    toast(`${component}: ${error.message}`);
  }
}

/** What a person typed as a value: a number, true, a list … or else just text. */
function typed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function members(box) {
  const form = box.closest("form");
  const names = [...form.querySelectorAll("input:checked")].map((each) => each.name);
  return set(box.closest("[data-component]").dataset, { set: { [form.dataset.setting]: names } });
}

const ON_CLICK = {
  press: (control) => act(control, control.dataset.value),
  menu: (control) => open(control),
};
const ON_CHANGE = {
  change: (control) => act(control, control.value),
  tick: (control) => {
    const group = control.closest("[data-action-id]");
    const values = [...group.querySelectorAll("input:checked")].map((each) => each.value);
    return act(group, group.dataset.kind === "radio" ? values[0] : values);
  },
  members,
};

/** Listens once for every control of the page, those to come included. */
export function start() {
  document.addEventListener("click", (event) => {
    const item = event.target.closest(".popup [data-value]");
    if (item) return void choose(item);
    const control = event.target.closest("[data-act]");
    ON_CLICK[control?.dataset.act]?.(control);
  });
  document.addEventListener("change", (event) => ON_CHANGE[event.target.dataset.act]?.(event.target));
  document.addEventListener("keydown", (event) => {
    const item = event.target.closest?.(".popup [data-value]");
    if (item) return roam(event, item);
    const menu = event.target.closest?.("button[data-act=menu]");
    if (menu && event.key === "ArrowDown") {
      event.preventDefault();
      open(menu);
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-setting]");
    if (!form) return;
    event.preventDefault();
    if (form.elements.value) set(form.closest("[data-component]").dataset, { set: { [form.dataset.setting]: typed(form.elements.value.value) } });
  });
}
