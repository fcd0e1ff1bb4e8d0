// @vitest-environment happy-dom
/** Two series compared: heads matched by score, whatever their shapes, and nothing token by token where tokens differ. */
import { describe, expect, it } from "vitest";
import { envelope, promptInfo, SCORES, seriesInfo } from "../../js/dev/data";
import { attention } from "../../js/dev/fake-kernel";
import { triangleIndex } from "../../js/src/kernel/arrays";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny, TOKENS } from "./shown";

freshPage();

const WIDE = { layers: 1, heads: 6, checkpoints: 3 };
/** The score of each head, the same at every checkpoint. */
const constant = ({ checkpoints, layers, heads }: typeof WIDE, values: number[]) =>
  envelope(Float32Array.from(Array(checkpoints).fill(values).flat()), [checkpoints, layers, heads]);
const unlike = (change: Partial<ExplorerModel> = {}): Partial<ExplorerModel> => ({
  _series: [seriesInfo("one", SHAPE), seriesInfo("wide", WIDE)],
  _scores: [SCORES.slice(0, 1), SCORES.slice(0, 1)],
  _grids: {
    "0/induction": constant(SHAPE, [0.1, 0.2, 0.15, 0.05, 0.12, 0.3, 0.9, 0.6]),
    "1/induction": constant(WIDE, [0.1, 0.2, 0.3, 0.7, 0.4, 0.8]),
  },
  _prompts: [promptInfo(TOKENS), promptInfo(TOKENS)],
  heads: [[1, 2]],
  compare: 25,
  checkpoint: 25,
  _view: { compared_series: 1 },
  ...change,
});
const show = (change: Partial<ExplorerModel> = {}) => showAny(unlike(change));

const cell = (el: Element, head: string) =>
  one(el, `[role=gridcell][data-head="${head}"]`).getAttribute("aria-label");
const choice = (el: Element) => one(el, "select[aria-label='Compared series']") as HTMLSelectElement;
async function choose(el: Element, value: string) {
  const select = choice(el);
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
}

describe("another series' checkpoint that failed", () => {
  const REASON = "model.safetensors is cut off.";
  const failing = (at: number) => {
    const [one, wide] = unlike()._series as ExplorerModel["_series"];
    const values = [0.1, 0.2, 0.3, 0.7, 0.4, 0.8];
    const nan = constant(
      WIDE,
      values.map(() => Number.NaN),
    );
    return show({
      _series: [one, { ...wide, faults: { [at]: REASON } }] as ExplorerModel["_series"],
      _grids: { ...unlike()._grids, ...(at === WIDE.checkpoints - 1 && { "1/induction": nan }) },
    });
  };
  const alerts = (el: Element) => [...el.querySelectorAll("[role=alert]")].map((alert) => alert.textContent);

  it("is said once, by the series' name and with the reason, and no change is shown", async () => {
    const { el } = await failing(WIDE.checkpoints - 1);
    expect(alerts(el).filter((said) => said?.includes(REASON))).toEqual([
      `The checkpoint compared with, wide step 3,000, could not be used. ${REASON}`,
    ]);
    expect(cell(el, "1,2")).toContain("L1H2 induction 0.900 change not computed");
    expect(one(el, "[aria-label='Attention pattern L1H2']")).toBeDefined();
  });

  it("is not said of one that is not compared with", async () => {
    const { el } = await failing(0);
    expect(alerts(el)).toEqual([]);
    expect(cell(el, "1,2")).toContain("change +0.100");
  });
});

describe("the grid", () => {
  it("shows each head less the one that ranks as high there", async () => {
    const { el } = await show();
    expect(cell(el, "1,2")).toBe("L1H2 induction 0.900 change +0.100 from L0H5 of wide step 3,000");
    expect(cell(el, "1,3")).toBe("L1H3 induction 0.600 change −0.100 from L0H3 of wide step 3,000");
    expect(cell(el, "0,1")).toBe("L0H1 induction 0.200 change −0.100 from L0H2 of wide step 3,000");
    // Of six heads none ranks seventh.
    expect(cell(el, "0,0")).toBe("L0H0 induction 0.100 change not computed from no head of wide step 3,000");
  });

  it("says which head is compared with which, and why", async () => {
    const { el } = await show();
    const said = () => one(el, ".ie-matched").textContent;
    expect(said()).toBe(
      "L1H2 is compared with L0H5 of wide: both are number 1 by the highest induction that they reach.",
    );
    one(el, "[role=gridcell][data-head='0,0']").dispatchEvent(
      new PointerEvent("pointerover", { bubbles: true }),
    );
    await settle();
    expect(said()).toBe("wide has no head that ranks as low as L0H0.");
  });

  it("is saved with whom each head is compared with", async () => {
    const { el } = await show();
    const [columns, ...rows] = rowsOf(await saved(el, "Change of Induction", "CSV"));
    expect(columns?.slice(0, 6)).toEqual([
      "layer",
      "head",
      "series_before",
      "head_before",
      "step_before",
      "step_after",
    ]);
    expect(rows[6]?.slice(0, 8)).toEqual(["1", "2", "wide", "L0H5", "3000", "3000", "0.8", "0.9"]);
    expect(rows[0]?.slice(0, 7)).toEqual(["0", "0", "wide", "", "3000", "3000", ""]);
  });
});

describe("patterns and tokens", () => {
  it("stand beside those of the matched head, at the checkpoint nearest to the handle", async () => {
    const { el, fake } = await show({ compare: 0 });
    expect(
      [...el.querySelectorAll(".ie-patterns [role=img]")].map((img) => img.getAttribute("aria-label")),
    ).toEqual(["Pattern of L0H5 of wide step 0", "Attention pattern L1H2"]);
    const asked = fake.sent.filter((request) => request.kind === "patterns" && request.series === 1);
    expect(asked.length).toBeGreaterThan(0);
    for (const request of asked) expect(request).toMatchObject({ head: [0, 5], series: 1 });
  });

  it("say both numbers, each under its name, as they were computed", async () => {
    const { el } = await show({ compare: 12 });
    one(el, "[aria-label=Tokens] [role=option]:nth-child(6)").dispatchEvent(
      new PointerEvent("pointerover", { bubbles: true }),
    );
    await settle();
    const said = one(el, "[role=status]").textContent ?? "";
    const key = Number(/to key (\d)/.exec(said)?.[1]);
    const value = (checkpoint: number, head: [number, number]) =>
      attention(SHAPE, checkpoint, ...head, TOKENS.length, 3)[triangleIndex(5, key)] as number;
    const [now, then] = [value(25, [1, 2]), value(1, [0, 5])];
    expect(said).toContain(` attends ${now.toFixed(2)} to key`);
    expect(said).toContain(`(${then.toFixed(2)} in L0H5 of wide step 20)`);
    expect(one(el, ".ie-exactly").textContent).toBe(`exactly ${then.toFixed(3)} → ${now.toFixed(3)}`);
    const rows = rowsOf(await saved(el, "Attention patterns", "CSV"));
    expect(rows[0]?.slice(0, 3)).toEqual(["head", "series_before", "head_before"]);
    const row = rows.find((cells) => cells[3] === "5" && cells[4] === String(key));
    expect(row?.slice(0, 3)).toEqual(["L1H2", "wide", "L0H5"]);
    expect(row?.slice(-2).map((text) => Math.fround(Number(text)))).toEqual([then, now]);
  });

  it.each([
    ["other tokens", promptInfo([...TOKENS.slice(0, -1), " b"])],
    ["more tokens", promptInfo([...TOKENS, " b"])],
    ["other ids", { ...promptInfo(TOKENS), ids: TOKENS.map((_, i) => i + 1) }],
    ["none", { ...promptInfo([]), error: { message: "It has no tokenizer.", hint: "" } }],
  ])("are not set side by side where the other series reads %s, which is said", async (_, other) => {
    const { el, fake } = await show({ _prompts: [promptInfo(TOKENS), other] });
    expect(el.querySelectorAll(".ie-patterns [role=img]")).toHaveLength(1);
    expect(one(el, ".ie-patterns .ie-note").textContent).toContain("wide reads this prompt as other tokens");
    expect(one(el, ".ie-predictions .ie-note").textContent).toContain(
      "wide reads this prompt as other tokens",
    );
    expect(one(el, ".ie-predictions caption").textContent).not.toContain("→");
    one(el, "[aria-label=Tokens] [role=option]:nth-child(6)").dispatchEvent(
      new PointerEvent("pointerover", { bubbles: true }),
    );
    await settle();
    expect(one(el, "[role=status]").textContent).toMatch(/ attends .* to key \d '[^(]*'$/);
    expect(
      fake.sent.filter((request) => "series" in request && request.series === 1 && request.kind !== "rows"),
    ).toEqual([]);
    const [columns] = rowsOf(await saved(el, "Attention patterns", "CSV"));
    expect(columns).toEqual(["head", "query", "key", "query_token", "key_token", "attention"]);
    expect(cell(el, "1,2")).toContain("change +0.100 from L0H5 of wide"); // scores are no tokens
  });

  it("predictions stand before and after", async () => {
    const { el } = await show();
    expect(one(el, ".ie-predictions caption").textContent).toContain("wide step 3,000 → step 3,000");
    expect(one(el, ".ie-predictions tbody tr").querySelectorAll(".ie-number")[0]?.textContent).not.toBe("");
  });
});

describe("the choice", () => {
  it("is of this series or another, and turns round with the series that is shown", async () => {
    const { el, fake } = await show({ _view: {} });
    expect([...choice(el).options].map(({ text }) => text)).toEqual(["this series", "wide"]);
    expect(cell(el, "1,2")).toContain("change 0.000 from step 3,000");
    await choose(el, "1");
    expect(cell(el, "1,2")).toContain("from L0H5 of wide");
    const series = one(el, "select[aria-label=Series]") as HTMLSelectElement;
    series.value = "1";
    series.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(fake.get("_view").compared_series).toBe(0);
    expect(cell(el, "0,5")).toBe("L0H5 induction 0.800 change −0.100 from L1H2 of one step 3,000");
  });

  it("is there for two models of one checkpoint each", async () => {
    const [small, wide] = [
      { ...SHAPE, checkpoints: 1 },
      { ...WIDE, checkpoints: 1 },
    ];
    const { el, fake } = await show({
      _series: [seriesInfo("one", small), seriesInfo("wide", wide)],
      _grids: {
        "0/induction": constant(small, [0.1, 0.2, 0.15, 0.05, 0.12, 0.3, 0.9, 0.6]),
        "1/induction": constant(wide, [0.1, 0.2, 0.3, 0.7, 0.4, 0.8]),
      },
      checkpoint: 0,
      compare: null,
      _view: {},
    });
    expect(cell(el, "1,2")).toBe("L1H2 induction 0.900");
    expect([...choice(el).options].map(({ text }) => text)).toEqual(["nothing", "wide"]);
    await choose(el, "1");
    expect(cell(el, "1,2")).toMatch(/^L1H2 induction 0\.900 change \+0\.100 from L0H5 of wide/);
    expect(fake.get("compare")).toBe(0);
    await choose(el, "");
    expect(cell(el, "1,2")).toBe("L1H2 induction 0.900");
    expect(fake.get("compare")).toBe(null);
  });
});
