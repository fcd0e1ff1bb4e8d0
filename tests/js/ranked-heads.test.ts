// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { envelope, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { HEAD_CLASSES } from "../../js/src/contract.gen";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { placed, strongest } from "../../js/src/panels/ranked-heads/preview";
import { keptRows, ROW, scrolledTo, seenRows } from "../../js/src/panels/ranked-heads/rows";
import { rankedTable } from "../../js/src/panels/ranked-heads/table";
import { named } from "../../js/src/state/classes";
import { rankedHeads, secondScore } from "../../js/src/state/ranking";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

const LARGE = { layers: 32, heads: 32, checkpoints: 1 };
const options = (el: Element) => [
  ...el.querySelectorAll<HTMLElement>("[aria-label^='Heads by'] [role=option]"),
];
const names = (el: Element) => options(el).map((row) => row.getAttribute("aria-label"));
const list = (el: Element) => one(el, "[role=listbox][aria-label^='Heads by']");
const press = (el: Element, key: string, init: KeyboardEventInit = {}) =>
  (document.activeElement ?? list(el)).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }),
  );
const asked = (sent: { kind: string }[]) =>
  sent.filter(({ kind }) => kind === "patterns") as unknown as { head: number[]; checkpoints: number[] }[];

function large(change: Partial<ExplorerModel> = {}) {
  const base = traits(LARGE, TOKENS);
  return show({ ...base, checkpoint: 0, heads: [], ...change }, fakeKernel(LARGE, 3));
}

describe("the order", () => {
  const info = { ...seriesInfo("x", { layers: 2, heads: 2, checkpoints: 1 }) };

  it("is that of the values, equal ones layer by layer, those without one last", () => {
    expect(rankedHeads(Float32Array.of(0.1, Number.NaN, 0.9, 0.1), info)).toEqual([
      [1, 0],
      [0, 0],
      [1, 1],
      [0, 1],
    ]);
  });

  it("is of signed values the same", () => {
    expect(rankedHeads(Float32Array.of(-3, -1, 2, -2), info)[0]).toEqual([1, 0]);
    expect(rankedHeads(Float32Array.of(-3, -1, 2, -2), info).at(-1)).toEqual([0, 0]);
  });

  it("leaves out layers without attention", () => {
    const hybrid = { ...info, attending: [1] };
    expect(rankedHeads(Float32Array.of(Number.NaN, Number.NaN, 0.1, 0.2), hybrid)).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });

  it("has another score beside it, whichever is known", () => {
    expect(secondScore(SCORES, "induction", undefined)?.name).toBe("previous_token");
    expect(secondScore(SCORES, "previous_token", undefined)?.name).toBe("induction");
    expect(secondScore(SCORES, "induction", "induction_logit")?.name).toBe("induction_logit");
    expect(secondScore(SCORES, "induction", "induction")?.name).toBe("previous_token");
    expect(secondScore(SCORES.slice(0, 1), "induction", "gone")).toBeNull();
  });
});

describe("rows", () => {
  it("exist where they are seen, and where the focus is", () => {
    expect(seenRows(0, 360, 1024)).toEqual([0, 9]);
    expect(seenRows(20, 360, 1024)).toEqual([0, 10]);
    expect(seenRows(1015 * ROW, 360, 1024)).toEqual([1015, 1024]);
    expect(seenRows(9999 * ROW, 360, 1024)).toEqual([1024, 1024]);
    expect(keptRows([100, 109], 1024, 105)).toHaveLength(13);
    expect(keptRows([100, 109], 1024, 0)[0]).toBe(0);
    expect(keptRows([0, 1], 1, 0)).toEqual([0]);
    expect(keptRows([0, 4], 4, 9)).toEqual([0, 1, 2, 3]);
  });

  it("are scrolled to no further than needed", () => {
    expect(scrolledTo(3, 0, 360)).toBe(0);
    expect(scrolledTo(9, 0, 360)).toBe(ROW);
    expect(scrolledTo(2, 500, 360)).toBe(2 * ROW);
  });
});

describe("a preview", () => {
  const [size, page] = [
    { width: 240, height: 300 },
    { width: 1440, height: 900 },
  ];

  it("stands below its row, or above where there is no room, and ends where the row does", () => {
    expect(placed({ right: 1100, top: 400, bottom: 440 }, size, page)).toEqual({ left: 860, top: 444 });
    expect(placed({ right: 1100, top: 600, bottom: 640 }, size, page)).toEqual({ left: 860, top: 296 });
    expect(placed({ right: 200, top: 100, bottom: 140 }, size, page).left).toBe(0);
  });

  it("names the last of the strongest cells of later tokens, which have a choice", () => {
    const triangle = Uint8Array.of(255, 255, 0, 9, 200, 46, 200, 3, 52, 0);
    expect(strongest(triangle, 4)).toEqual({ query: 3, key: 0, value: 200 });
    expect(strongest(Uint8Array.of(255), 1)).toBeNull();
  });
});

describe("the list", () => {
  it("names rank, head and value, in the order of the chosen score", async () => {
    const { el, fake } = await show({ checkpoint: 25 });
    expect(list(el).getAttribute("aria-label")).toBe("Heads by induction");
    const values = names(el).map((name) => Number(name?.split(" ").at(-1)));
    expect(names(el)[0]).toMatch(/^1 L1H\d induction 0\.\d{3}$/);
    expect(values).toHaveLength(8);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    const before = names(el);
    fake.receive({ score: "previous_token" });
    await settle();
    expect(list(el).getAttribute("aria-label")).toBe("Heads by previous_token");
    expect(names(el)).not.toEqual(before);
    fake.receive({ score: "induction", checkpoint: 0 });
    await settle();
    expect(names(el)).not.toEqual(before);
  });

  it("has few rows of many, and says where they stand", async () => {
    const { el } = await large();
    expect(options(el).length).toBeLessThan(16);
    expect(options(el)[0]?.getAttribute("aria-setsize")).toBe("1024");
    list(el).scrollTop = 500 * ROW;
    list(el).dispatchEvent(new Event("scroll"));
    await settle();
    const places = options(el).map((row) => Number(row.getAttribute("aria-posinset")));
    expect(places.length).toBeLessThan(17);
    // The row that Tab leads to stays.
    expect(places[0]).toBe(1);
    expect(places).toContain(501);
    for (const [i, name] of names(el).entries())
      expect(name).toMatch(new RegExp(`^${places[i]} L\\d+H\\d+ `));
  });

  it("asks for the patterns of the rows in view once it rests, at one checkpoint", async () => {
    const { el, fake } = await large();
    const heads = new Set(asked(fake.sent).map(({ head }) => head.join()));
    expect(heads.size).toBe(9);
    expect(heads).toContain(
      names(el)[0]
        ?.match(/L(\d+)H(\d+)/)
        ?.slice(1)
        .join(),
    );
    for (let row = 10; row <= 300; row += 10) {
      list(el).scrollTop = row * ROW;
      list(el).dispatchEvent(new Event("scroll"));
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(asked(fake.sent)).toHaveLength(9);
    await settle();
    expect(asked(fake.sent)).toHaveLength(18);
  });

  it("asks for what is seen small after what is chosen, which jumps the queue when it is clicked", async () => {
    const { el, fake } = await large({ heads: [[3, 4]] });
    type Sent = { id: string; head: number[]; beside?: boolean };
    const sent = () => asked(fake.sent) as unknown as Sent[];
    const bySize = (small: boolean) => sent().filter(({ beside }) => (beside === true) === small);
    expect(bySize(false).map(({ head }) => head)).toEqual([[3, 4]]);
    expect(bySize(true)).toHaveLength(9);
    fake.kernel = undefined;
    list(el).scrollTop = 100 * ROW;
    list(el).dispatchEvent(new Event("scroll"));
    await settle();
    const waiting = bySize(true).at(-1);
    const row = options(el).find((row) => row.textContent?.includes(`L${waiting?.head.join("H")}`));
    row?.click();
    await settle();
    expect(sent().at(-1)).toMatchObject({ head: waiting?.head });
    expect(sent().at(-1)?.beside).toBeUndefined();
    expect(fake.sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id)).toContain(waiting?.id);
  });

  it("takes back what it asked for when it is scrolled away", async () => {
    const { el, fake } = await large();
    fake.kernel = undefined;
    const rest = async (row: number) => {
      list(el).scrollTop = row * ROW;
      list(el).dispatchEvent(new Event("scroll"));
      await settle();
    };
    await rest(100);
    expect(fake.sent.filter(({ kind }) => kind === "cancel")).toHaveLength(0);
    await rest(200);
    expect(fake.sent.filter(({ kind }) => kind === "cancel")).toHaveLength(9);
  });

  it("asks at the settled checkpoint alone, also where every one is affordable", async () => {
    const { fake, el } = await show({ checkpoint: 25, heads: [] });
    expect(new Set(asked(fake.sent).map(({ checkpoints }) => checkpoints.join()))).toEqual(new Set(["25"]));
    const slider = one(el, "input[type=range]") as HTMLInputElement;
    for (const at of ["20", "15", "10"]) {
      slider.value = at;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await vi.advanceTimersByTimeAsync(20);
    }
    await settle();
    expect(new Set(asked(fake.sent).map(({ checkpoints }) => checkpoints.join()))).toEqual(
      new Set(["25", "10"]),
    );
  });

  it("is walked by keys, which choose and add", async () => {
    const { el, fake } = await large();
    expect(options(el).filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
    options(el)[0]?.focus();
    press(el, "ArrowDown");
    await settle();
    expect(document.activeElement?.getAttribute("aria-posinset")).toBe("2");
    press(el, "End");
    await settle();
    expect(document.activeElement?.getAttribute("aria-posinset")).toBe("1024");
    press(el, "ArrowDown");
    press(el, "PageUp");
    await settle();
    expect(document.activeElement?.getAttribute("aria-posinset")).toBe("1015");
    press(el, "Home");
    await settle();
    expect(document.activeElement?.getAttribute("aria-posinset")).toBe("1");
    const headOf = (at: number) =>
      names(el)
        [at]?.match(/L(\d+)H(\d+)/)
        ?.slice(1)
        .map(Number);
    press(el, "Enter");
    expect(fake.get("heads")).toEqual([headOf(0)]);
    press(el, "ArrowDown");
    await settle();
    press(el, "Enter", { ctrlKey: true });
    expect(fake.get("heads")).toEqual([headOf(0), headOf(1)]);
    await settle();
    expect(options(el).filter((row) => row.getAttribute("aria-selected") === "true")).toHaveLength(2);
  });

  it("keeps the focused row while others are scrolled to", async () => {
    const { el } = await large();
    options(el)[3]?.focus();
    list(el).scrollTop = 700 * ROW;
    list(el).dispatchEvent(new Event("scroll"));
    await settle();
    expect(document.activeElement?.getAttribute("aria-posinset")).toBe("4");
  });

  it("chooses by a click, and adds with Shift", async () => {
    const { el, fake } = await show({ checkpoint: 25 });
    const click = (at: number, init: MouseEventInit = {}) =>
      options(el)[at]?.dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));
    const headOf = (at: number) =>
      names(el)
        [at]?.match(/L(\d+)H(\d+)/)
        ?.slice(1)
        .map(Number);
    click(2);
    expect(fake.get("heads")).toEqual([headOf(2)]);
    click(0, { shiftKey: true });
    expect(fake.get("heads")).toEqual([headOf(2), headOf(0)]);
    await settle();
  });

  it("rings in the grid the head that it points at", async () => {
    const { el } = await show({ checkpoint: 25 });
    const row = options(el)[1] as HTMLElement;
    row.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    const name = names(el)[1]?.split(" ")[1];
    expect(one(el, "[role=gridcell].ie-cell-hovered").getAttribute("aria-label")).toContain(name);
  });

  it("shows the chosen second score, kept in the view", async () => {
    const { el, fake } = await show({ checkpoint: 25 });
    const second = one(el, "select[aria-label='Second column']") as HTMLSelectElement;
    expect(second.value).toBe("previous_token");
    expect([...second.options].map(({ value }) => value)).not.toContain("induction");
    second.value = "induction_logit";
    second.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(fake.get("_view").tabs).toEqual({ ranked_heads: { second: "induction_logit" } });
    expect(options(el)[0]?.getAttribute("aria-description")).toMatch(/^induction_logit −?\d+\.\d{3}$/);
  });

  it("says of a second score that is still being computed that it is, and of no other", async () => {
    const computing = { state: "computing", label: "Scoring", progress: "", done: 1, total: 2 } as const;
    const ready = { ...computing, state: "ready", label: "", error: null } as const;
    const { fake, el } = await show({ _status: { ...computing, error: null }, checkpoint: 25 });
    const other = () => one(options(el)[0] as HTMLElement, ".ie-ranked-other").textContent;
    const described = () => options(el)[0]?.getAttribute("aria-description");
    expect(other()).toMatch(/^0\.\d{3}$/);
    const { "0/previous_token": _, ..._grids } = fake.get("_grids");
    fake.receive({ _grids });
    await settle();
    expect([other(), described()]).toEqual(["…", "previous_token still being computed"]);
    fake.receive({ _series: [{ ...seriesInfo("run", SHAPE), faults: { 25: "cut off" } }] });
    await settle();
    expect(other()).toBe("not computed");
    fake.receive({ _series: [seriesInfo("run", SHAPE)], _status: ready });
    await settle();
    expect([other(), described()]).toEqual(["not computed", "previous_token not computed"]);
  });

  it("is saved with the class of every head where it is known", () => {
    const info = seriesInfo("x", { layers: 1, heads: 3, checkpoints: 1 });
    const classes = [named([30, 1, 1, 1, 1, 1]), named([1, 2, 1, 1, 1, 1]), null];
    const heads: [number, number][] = [
      [0, 1],
      [0, 0],
      [0, 2],
    ];
    const { columns, rows } = rankedTable(heads, info, 0, [], classes);
    expect(columns).toEqual(["rank", "layer", "head", "class"]);
    expect(rows).toEqual([
      [1, 0, 1, "unnamed"],
      [2, 0, 0, HEAD_CLASSES[0].name],
      [3, 0, 2, null],
    ]);
  });

  it("is saved with every head, both scores and ranks, at the checkpoint that is ranked", async () => {
    const { fake, el } = await show({ checkpoint: 20 });
    const [columns, ...rows] = rowsOf(await saved(el, "Ranked heads", "CSV"));
    expect(columns).toEqual(["rank", "layer", "head", "induction", "previous_token"]);
    const size = SHAPE.layers * SHAPE.heads;
    const sent = (name: string) =>
      new Float32Array(fake.get("_grids")[`0/${name}`]?.data?.buffer as ArrayBuffer).subarray(
        20 * size,
        21 * size,
      );
    const [first, second] = [sent("induction"), sent("previous_token")];
    expect(rows.map(([rank]) => Number(rank))).toEqual(Array.from({ length: size }, (_, i) => i + 1));
    expect(rows.map((row) => Math.fround(Number(row[3])))).toEqual([...first].sort((a, b) => b - a));
    for (const [, layer, head, score, other] of rows) {
      const index = Number(layer) * SHAPE.heads + Number(head);
      expect([score, other].map((text) => Math.fround(Number(text)))).toEqual([first[index], second[index]]);
    }
  });

  it("stays as it is while training plays, and says which checkpoint it is of", async () => {
    const { fake, el } = await show({ checkpoint: 0 });
    const ranked = one(el, ".ie-ranked");
    const [looks, before] = [ranked.className, names(el)];
    one(el, "button[aria-label=Play]").click();
    await vi.advanceTimersByTimeAsync(600);
    expect(one(el, "[role=slider], input[type=range]").getAttribute("aria-valuetext")).not.toMatch(
      /^step 0 /,
    );
    expect([ranked.className, names(el)]).toEqual([looks, before]);
    expect(ranked.textContent).toContain(`at ${fake.get("_series")[0]?.labels[0]}`);
    one(el, "button[aria-label=Pause]").click();
    await settle();
    expect(ranked.textContent).toContain("strongest first");
  });

  it("is rows without anything in them while there is no value", async () => {
    const shape = [26, 2, 4];
    const nothing = envelope(new Float32Array(26 * 8).fill(Number.NaN), shape);
    const status = {
      state: "computing" as const,
      label: "scoring",
      progress: "0 of 26 checkpoints",
      done: 0,
      total: 26,
      error: null,
    };
    const { el } = await show({ _grids: { "0/induction": nothing }, _status: status });
    expect(options(el)).toHaveLength(0);
    expect(el.querySelectorAll(".ie-ranked-skeleton .ie-ranked-row").length).toBeGreaterThan(3);
    expect(one(el, ".ie-ranked-skeleton").textContent).toContain("computing");
  });
});
