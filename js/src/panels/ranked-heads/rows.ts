/** Which rows of a long list exist, and where it scrolls to. All sizes are in CSS pixels. */

export const ROW = 40;
/** What the list is high at most. */
const MOST_ROWS = 9;
/** Rows that exist beyond each end of what is seen. */
const BEYOND = 2;

export function listHeight(count: number): number {
  return ROW * Math.min(count, MOST_ROWS);
}

/** First row seen, and the one after the last. */
export type Span = [from: number, to: number];

export function seenRows(scrolled: number, height: number, count: number): Span {
  const from = Math.min(Math.max(0, Math.floor(scrolled / ROW)), count);
  return [from, Math.min(count, Math.ceil((scrolled + height) / ROW))];
}

/** Those seen, some beyond, and the one that has the focus or will have it: it must not vanish under it. */
export function keptRows([from, to]: Span, count: number, cursor: number): number[] {
  const first = Math.max(0, from - BEYOND);
  const last = Math.min(count, to + BEYOND);
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return cursor >= count || rows.includes(cursor) ? rows : [...rows, cursor].sort((a, b) => a - b);
}

/** How far to scroll so that the row is wholly seen: no further than needed. */
export function scrolledTo(row: number, scrolled: number, height: number): number {
  return Math.max(Math.min(scrolled, row * ROW), (row + 1) * ROW - height);
}
