/** Whose a key is that is pressed while the focus is in the widget: the widget's, or the host's too. */

/** With these, alone or with a modifier, notebooks delete, merge and run cells. */
const OURS = new Set(["Enter", "Delete", "Backspace"]);
const HOSTS = /^(Tab|Escape|F\d+|Shift|Control|Alt|AltGraph|Meta|ContextMenu)$/;

/**
 * Keeps keys from the notebook, which takes them for its cell: a head's "d" would delete the widget. To be
 * called at the widget's root, after its parts have done what they do with the key.
 */
export function keepKey(event: KeyboardEvent): void {
  const { key, ctrlKey, altKey, metaKey, defaultPrevented } = event;
  const plain = !ctrlKey && !altKey && !metaKey && !HOSTS.test(key);
  if (defaultPrevented || plain || OURS.has(key)) event.stopPropagation();
}
