// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { type Cell, csv, rowsOf as made } from "../../js/src/export/table";
import { trianglePlace } from "../../js/src/kernel/arrays";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show } from "./shown";

freshPage();

const table = (el: Element, title: string) => one(el, `[role=group][aria-label="${title}: table"]`);
const rows = (of: Element) => [...of.querySelectorAll("tbody tr")];
const texts = (row: Element) => [...row.children].map((cell) => cell.textContent);

async function opened(el: Element, title: string): Promise<HTMLElement> {
  one(el, `button[aria-label="Table of ${title}"]`).click();
  await settle();
  return table(el, title);
}

describe("the table of a panel", () => {
  it("stands below it, named, with the heads of its columns and rows, and takes the focus", async () => {
    const { el } = await show();
    const below = await opened(el, "Induction at this checkpoint");
    expect(below.closest("section.ie-grid")).not.toBeNull();
    expect(below.querySelector("caption")?.textContent).toMatch(
      /^Induction at this checkpoint\. A row for each head at each checkpoint\. In every row: checkpoint 25, step 3,000/,
    );
    const heads = [...below.querySelectorAll("thead th")];
    expect(heads.map((head) => head.textContent)).toEqual(["layer", "head", "induction"]);
    expect(heads.every((head) => head.getAttribute("scope") === "col")).toBe(true);
    expect(rows(below)).toHaveLength(SHAPE.layers * SHAPE.heads);
    expect([...one(below, "tbody tr").querySelectorAll("th[scope=row]")]).toHaveLength(2);
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Table of Induction at this checkpoint");
  });

  it("has the rows of its CSV", async () => {
    const { el } = await show();
    const [columns, ...all] = rowsOf(await saved(el, "Induction of every head", "CSV"));
    const below = await opened(el, "Induction of every head");
    one(below, "input").click();
    await vi.advanceTimersByTimeAsync(1000);
    const names = [...below.querySelectorAll("thead th")].map((head) => head.textContent);
    const kept = names.map((name) => columns?.indexOf((name ?? "").replaceAll(" ", "_")) ?? -1);
    const shown = rows(below).map((row) => texts(row).map((text) => Number(text?.replaceAll(",", ""))));
    expect(shown).toHaveLength(100);
    shown.forEach((row, nth) => {
      row.forEach((value, index) => {
        expect(value).toBeCloseTo(Number(all[nth]?.[kept[index] ?? -1]), 3);
      });
    });
    expect(below.textContent).toContain(`rows 1 to 100 of ${all.length}`);
  });

  it("is turned a page at a time, and ends with its last row", async () => {
    const { el } = await show();
    const below = await opened(el, "Induction of every head");
    one(below, "input").click();
    await vi.advanceTimersByTimeAsync(1000);
    const [back, on] = [...below.querySelectorAll<HTMLButtonElement>("button.ie-link")];
    expect(back?.disabled).toBe(true);
    on?.click();
    on?.click();
    await settle();
    expect(on?.disabled).toBe(true);
    const count = SHAPE.checkpoints * SHAPE.layers * SHAPE.heads;
    expect(below.textContent).toContain(`rows 201 to ${count} of ${count}`);
    expect(texts(rows(below).at(-1) as Element).slice(0, 2)).toEqual(["25", "3,000"]);
  });

  it("follows the slider once it rests, and marks where it is", async () => {
    const { fake, el } = await show();
    const [grid, curves] = [
      await opened(el, "Induction at this checkpoint"),
      await opened(el, "Induction of every head"),
    ];
    const before = rows(grid).map(texts);
    expect(
      rows(curves)
        .filter((row) => row.getAttribute("aria-current") === "true")
        .map((row) => texts(row)[0]),
    ).toEqual(["25"]);
    fake.receive({ checkpoint: 9 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(rows(grid).map(texts)).not.toEqual(before);
    expect(grid.querySelector("caption")?.textContent).toContain("checkpoint 9");
    expect(
      rows(curves)
        .filter((row) => row.getAttribute("aria-current") === "true")
        .map((row) => texts(row)[0]),
    ).toEqual(["9"]);
  });

  it("has both checkpoints of two handles, and the pattern's rows of the query that is held", async () => {
    const { fake, el } = await show();
    const below = await opened(el, "Attention patterns");
    expect(new Set(rows(below).map((row) => texts(row).slice(0, 2).join(" "))).size).toBe(rows(below).length);
    expect(below.querySelector("caption")?.textContent).toContain("query 5");
    fake.receive({ compare: 3 });
    await vi.advanceTimersByTimeAsync(1000);
    const names = [...below.querySelectorAll("thead th")].map((head) => head.textContent);
    expect(names).toEqual(["head", "key", "key token", "attention before", "attention after"]);
  });

  it("closes by Escape, and gives the focus back", async () => {
    const { el } = await show();
    const below = await opened(el, "Attention patterns");
    const pressed = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(pressed);
    await settle();
    expect(below.isConnected).toBe(false);
    expect(el.querySelector(".ie-data")).toBeNull();
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Table of Attention patterns");
  });
});

describe("rows that are made when they are read", () => {
  const row = (index: number): Cell[] => [index];
  const two = made([
    { count: 2, row },
    { count: 0, row },
    { count: 3, row: (index) => [10 + index] },
  ]);

  it("stand one part after another", () => {
    expect([...two]).toEqual([[0], [1], [10], [11], [12]]);
    expect([0, 1, 2, 4, 5].map((index) => two.at(index))).toEqual([[0], [1], [10], [12], undefined]);
    expect(csv({ columns: ["n"], rows: two, holds: "Numbers." }, [])).toBe(
      "# Numbers.\r\nn\r\n0\r\n1\r\n10\r\n11\r\n12\r\n",
    );
  });

  it("know the place of every cell of a triangle", () => {
    let cell = 0;
    for (let query = 0; query < 300; query++) {
      for (let key = 0; key <= query; key++) expect(trianglePlace(cell++)).toEqual([query, key]);
    }
  });
});
