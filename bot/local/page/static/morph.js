// Brings what is on the screen to what the server rendered, touching only what differs: what is focused, typed,
// scrolled or open stays. Elements with `data-key` keep their identity; an unchanged one is left alone as a whole.

const rendered = new WeakMap(); // Keyed element → the HTML it was last brought to.
// The browser or the script owns these: opening a dialog or a section is the person's doing.
const OWN = { DIALOG: ["open", "class"], DETAILS: ["open"] };

/** Notes what the server rendered, for a tree that is on the screen for the first time. */
export function remember(root) {
  for (const each of root.querySelectorAll("[data-key]")) rendered.set(each, each.outerHTML);
}

/** Lets the next update go through a keyed element even if the server renders it as before: the script has changed it. */
export const forget = (element) => rendered.delete(element);

/** Changes `now` into `next`. */
export function morph(now, next) {
  if (next.dataset?.key) {
    const html = next.outerHTML;
    if (rendered.get(now) === html) return;
    rendered.set(now, html);
  }
  attributes(now, next);
  if (now.tagName === "TEMPLATE") now.innerHTML = next.innerHTML;
  else if (now.tagName === "TEXTAREA") now.defaultValue = next.defaultValue;
  else children(now, next);
}

function attributes(now, next) {
  const own = OWN[now.tagName] ?? [];
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && !own.includes(name)) now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value && !own.includes(name)) now.setAttribute(name, value);
  }
}

const alike = (one, other) =>
  one.nodeType === other.nodeType &&
  one.nodeName === other.nodeName &&
  (one.dataset?.key ?? "") === (other.dataset?.key ?? "") &&
  (one.id ?? "") === (other.id ?? "");

function children(now, next) {
  const keyed = new Map();
  for (const child of now.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let place = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    const known = wanted.dataset?.key && keyed.get(wanted.dataset.key);
    if (known && known.nodeName === wanted.nodeName) {
      // What stands between is gone or comes later; removing it keeps this element, and its focus, where it is.
      while (place && place !== known && !wantedLater(place, wanted)) place = drop(place);
      if (place === known) place = place.nextSibling;
      else now.insertBefore(known, place);
      morph(known, wanted);
    } else if (place && alike(place, wanted)) {
      const here = place;
      place = place.nextSibling;
      if (here.nodeType === Node.ELEMENT_NODE) morph(here, wanted);
      else if (here.data !== wanted.data) here.data = wanted.data;
    } else {
      const added = document.importNode(wanted, true);
      now.insertBefore(added, place);
      if (added.nodeType === Node.ELEMENT_NODE) {
        if (added.dataset.key) rendered.set(added, wanted.outerHTML);
        remember(added);
      }
    }
  }
  while (place) place = drop(place);
}

function wantedLater(place, wanted) {
  const key = place.dataset?.key;
  if (!key) return false;
  for (let later = wanted.nextSibling; later; later = later.nextSibling) if (later.dataset?.key === key) return true;
  return false;
}

function drop(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}
