// Calls to the workspace, and the notes that tell a person what went wrong.

const toasts = document.getElementById("toasts");
toasts.popover = "manual";

/** Shows a note for a while, above everything, an open dialog included. */
export function toast(text) {
  const note = document.createElement("div");
  note.className = "toast";
  note.append(text);
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "✕";
  close.setAttribute("aria-label", "Dismiss");
  const dismiss = () => {
    note.remove();
    if (!toasts.children.length && toasts.matches(":popover-open")) toasts.hidePopover();
  };
  close.addEventListener("click", dismiss);
  note.append(close);
  toasts.append(note);
  if (toasts.matches(":popover-open")) toasts.hidePopover();
  toasts.showPopover();
  setTimeout(dismiss, 8000);
}

/** Posts to `/local/…`; throws an Error whose message is the workspace's own words. */
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(`/local/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The workspace does not answer. Is the demo still running?");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error || `The workspace answered ${answer.status}.`), { status: answer.status });
  return said;
}

/** Posts, and says so if it fails or if the app did not accept what was sent. Returns the answer, or null. */
export async function tell(path, body, what) {
  try {
    const said = await post(path, body);
    if (typeof said.status === "number" && said.status !== 200) {
      const why = said.status ? `the app answered ${said.status}` : "the app did not respond";
      toast(`${what} failed because ${why}.`);
      return null;
    }
    return said;
  } catch (error) {
    toast(error.message);
    return null;
  }
}
