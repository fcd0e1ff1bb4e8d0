/** What the Save menu of a panel hands to the reader. */
import { vi } from "vitest";
import { one, settle } from "./shown";

export interface Saved {
  name: string;
  type: string;
  text: string;
}

/** Saves a panel by its menu; the file as the reader gets it. */
export async function saved(el: Element, title: string, format: "SVG" | "PNG" | "CSV"): Promise<Saved> {
  let content: Blob | undefined;
  let name = "";
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    content = blob as Blob;
    return "blob:saved";
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    name = this.download;
  });
  one(el, `button[aria-label="Save ${title}"]`).click();
  await settle();
  const items = [
    ...el.querySelectorAll<HTMLElement>(`[role=menu][aria-label="Save ${title} as"] [role=menuitem]`),
  ];
  items.find((item) => item.textContent === format)?.click();
  await settle();
  if (content === undefined) throw new Error(`${title} was not saved`);
  return { name, type: content.type, text: await content.text() };
}

/** The cells of a CSV without quoted ones, by row, after the line that says what they are. */
export function rowsOf({ text }: Saved): string[][] {
  return text
    .trimEnd()
    .split("\r\n")
    .filter((line) => !line.startsWith("#"))
    .map((row) => row.split(","));
}
