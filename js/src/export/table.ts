/** A table of what a panel shows, and its text as CSV (RFC 4180), safe to open in a spreadsheet. */

export type Cell = string | number | null;

export interface Table {
  columns: string[];
  rows: Rows;
  /** What a row is of, in words, and what its numbers are rounded to. */
  holds: string;
}

/** Rows; each may be made when it is read, so that a table of millions is there at once. */
export interface Rows extends Iterable<Cell[]> {
  readonly length: number;
  at(index: number): Cell[] | undefined;
}

/** Rows of some parts, one after another, that are made when they are read. */
export function rowsOf(parts: { count: number; row: (index: number) => Cell[] }[]): Rows {
  const length = parts.reduce((sum, { count }) => sum + count, 0);
  const at = (index: number) => {
    let left = index;
    for (const { count, row } of parts) {
      if (left < count) return row(left);
      left -= count;
    }
    return undefined;
  };
  function* each() {
    for (const { count, row } of parts) for (let index = 0; index < count; index++) yield row(index);
  }
  return { length, at, [Symbol.iterator]: each };
}

/**
 * Above the columns, a line that begins with "#" says what the rows are: readers skip it by their option for comments
 * (pandas: comment="#"; R: comment.char="#"). No other "#" stands outside of quotes.
 */
export function csv({ columns, rows, holds }: Table, of: string[]): string {
  const says = [holds, ...of].join(" ").replace(/\s+/g, " ");
  const line = (row: Cell[]) => `${row.map(field).join(",")}\r\n`;
  return `# ${says}\r\n${line(columns)}${Array.from(rows, line).join("")}`;
}

/** Missing numbers are empty; quotes where a reader of CSV needs them. */
function field(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = inert(value);
  return /[",\r\n#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Spreadsheets run text that begins with =, +, -, @, a tab or a carriage return: such a token or name gets an
 * apostrophe in front, which they hide. One that begins with an apostrophe gets another, so that dropping the
 * first apostrophe of a cell always gives the text back. Numbers stay as they are.
 */
function inert(text: string): string {
  return /^[=+\-@\t\r']/.test(text) ? `'${text}` : text;
}
