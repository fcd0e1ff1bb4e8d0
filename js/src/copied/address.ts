/** What the reader arranged, in the address of the page. */

/** The traits that the page writes, as kernel/writer.ts has them. */
const ARRANGED = ["series", "checkpoint", "compare", "score", "heads", "_view"];

type Traits = Record<string, unknown>;

/** Nothing of an address that says something else. */
export function arrangedIn(hash: string): Traits {
  try {
    const said: unknown = JSON.parse(decodeURIComponent(hash.slice(1)));
    if (said === null || typeof said !== "object") return {};
    return Object.fromEntries(Object.entries(said).filter(([name]) => ARRANGED.includes(name)));
  } catch {
    return {};
  }
}

/** The address after these traits were set: it has what is not as it was to begin with. */
export function withArranged(hash: string, beginning: Traits, set: Traits): string {
  const now = { ...arrangedIn(hash), ...set };
  const said = Object.entries(now).filter(
    ([name, value]) => ARRANGED.includes(name) && JSON.stringify(value) !== JSON.stringify(beginning[name]),
  );
  return said.length === 0 ? "#" : `#${encodeURIComponent(JSON.stringify(Object.fromEntries(said)))}`;
}
