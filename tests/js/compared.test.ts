// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { envelope, seriesInfo } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Request } from "../../js/src/kernel/model";
import { cellColors, evenScaleTo } from "../../js/src/ui/color";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny, TOKENS } from "./shown";

freshPage();

/** Likeliest first: the id of a token and its probability, the same at every position. */
type Ranking = [id: number, probability: number][];
const EARLY: Ranking = [
  [7, 0.4],
  [8, 0.3],
  [9, 0.0121],
];
const LATE: Ranking = [
  [9, 0.9],
  [7, 0.05],
  [4, 0.002],
];
const [THEN, NOW] = [10, 20];

/** A kernel that ranks tokens as `EARLY` up to `THEN` and as `LATE` after it, at the checkpoints it `knows`. */
function ranking(knows: (checkpoint: number) => boolean = () => true) {
  const others = fakeKernel(SHAPE, 3);
  let held: (() => void)[] = [];
  const kernel = (request: Request, model: FakeModel) => {
    if (request.kind !== "predictions") return others(request, model);
    const { id, generation } = request;
    const answer = (checkpoints: number[], done: boolean) => {
      const n = TOKENS.length;
      const each = <T>(make: (checkpoint: number) => T[]) =>
        checkpoints.flatMap((checkpoint) => Array.from({ length: n }, () => make(checkpoint)).flat());
      const at = (checkpoint: number) => (checkpoint <= THEN ? EARLY : LATE);
      const arrays = {
        ids: [Int32Array.from(each((c) => at(c).map(([token]) => token))), 3],
        logits: [Float32Array.from(each((c) => at(c).map(([token]) => c + token))), 3],
        probabilities: [Float32Array.from(each((c) => at(c).map(([, p]) => p))), 3],
        answer_rank: [Int32Array.from(each((c) => [c <= THEN ? 6 : 0])), null],
        answer_probability: [Float32Array.from(each((c) => [c <= THEN ? 0.01 : 0.9])), null],
        losses: [Float32Array.from(each(() => [1])), null],
      } as const;
      const body = {
        generation,
        checkpoints,
        k: 3,
        tokens: { 4: "four", 7: "seven", 8: "eight", 9: "nine" },
      };
      const declared = Object.entries(arrays).map(([name, [values, ranks]]) => ({
        name,
        dtype: values instanceof Int32Array ? ("int32" as const) : ("float32" as const),
        shape: [checkpoints.length, n, ...(ranks === null ? [] : [ranks])],
      }));
      const bytes = Object.values(arrays).flatMap(([values]) => Array.from(new Uint8Array(values.buffer)));
      const message = { id, chunk: 0, chunks: 1, done, body, arrays: declared };
      model.reply(message, [new DataView(Uint8Array.from(bytes).buffer)]);
    };
    const later = request.checkpoints.filter((checkpoint) => !knows(checkpoint));
    answer(request.checkpoints.filter(knows), later.length === 0);
    if (later.length > 0) held.push(() => answer(later, true));
  };
  /** The rest arrives. */
  const release = async () => {
    for (const answer of held) answer();
    held = [];
    await settle();
  };
  return { kernel, release };
}

async function show(change: Partial<ExplorerModel> = {}, knows?: (checkpoint: number) => boolean) {
  const { kernel, release } = ranking(knows);
  const shown = await showAny({ checkpoint: NOW, compare: THEN, answer: " C", ...change }, kernel);
  return { ...shown, release };
}

describe("predictions before and after", () => {
  const table = (el: Element) => one(el, "[aria-label='Next-token predictions']");
  const rows = (el: Element) =>
    [...table(el).querySelectorAll("tbody tr")].map((row) =>
      [...row.querySelectorAll("td")].slice(0, 4).map((cell) => cell.textContent),
    );
  const BOTH = [
    ["3 → 1", "nine", "0.01", "0.90"],
    ["1 → 2", "seven", "0.40", "0.05"],
    [">3 → 3", "four", "<0.02", "0.002"],
    ["2 → >3", "eight", "0.30", "<0.003"],
  ];

  it("stand token by token in the order of after, those that fell out of it last", async () => {
    const { el } = await show();
    expect(rows(el)).toEqual(BOTH);
    const labels = [...table(el).querySelectorAll("th")].map((cell) => cell.textContent);
    expect(labels).toEqual(["rank", "token", "before", "after"]);
    expect(one(table(el), "caption").textContent).toBe("after position 5 ' B' · step 131 → step 1,056");
  });

  it("follow both handles, and are those of one checkpoint without a second", async () => {
    const { el, fake } = await show();
    fake.receive({ checkpoint: THEN, compare: NOW });
    await settle();
    expect(rows(el)[0]).toEqual(["2 → 1", "seven", "0.05", "0.40"]);
    expect(one(table(el), "caption").textContent).toContain("step 1,056 → step 131");
    fake.receive({ compare: null });
    await settle();
    expect(rows(el)[0]?.[1]).toBe("seven");
    expect(table(el).textContent).not.toContain("→");
  });

  it("have no before as long as that has not come, and no other checkpoint's", async () => {
    const { el, release } = await show({}, (checkpoint) => checkpoint === NOW || checkpoint === NOW - 1);
    expect(rows(el)).toEqual([
      ["1", "nine", "", "0.90"],
      ["2", "seven", "", "0.05"],
      ["3", "four", "", "0.002"],
      [expect.stringMatching(/^before: /)],
    ]);
    await release();
    expect(rows(el)).toEqual(BOTH);
  });

  it("have nothing as long as after has not come", async () => {
    const { el, release } = await show({}, (checkpoint) => checkpoint === THEN);
    expect(rows(el)).toHaveLength(1);
    expect(table(el).textContent).not.toContain("seven");
    await release();
    expect(rows(el)).toEqual(BOTH);
  });

  it("say that the checkpoint compared with failed, and leave the rest", async () => {
    const faulty = { ...seriesInfo("run", SHAPE), faults: { [THEN]: "cut off" } };
    const { el } = await show({ _series: [faulty] });
    expect(rows(el).map((row) => row[1])).toEqual(["nine", "seven", "four", undefined]);
    expect(rows(el).at(-1)).toEqual(["before: no usable checkpoint"]);
  });

  it("are saved with both checkpoints", async () => {
    const { el } = await show();
    const [columns, ...found] = rowsOf(await saved(el, "Next-token predictions", "CSV"));
    const row = (token: string) => {
      const values = found.find((one) => one[1] === token) ?? [];
      return Object.fromEntries((columns ?? []).map((name, i) => [name, values[i]]));
    };
    expect(found).toHaveLength(4);
    expect(row("nine")).toMatchObject({
      step_before: "131",
      rank_before: "3",
      probability_before: "0.0121",
      step_after: "1056",
      rank_after: "1",
      probability_after: "0.9",
    });
    expect(row("four")).toMatchObject({ step_before: "131", rank_before: "", rank_after: "3" });
  });

  it("say the answer's rank and probability at both", async () => {
    const { el } = await show({ _prompts: [] as never });
    expect(el.querySelector(".ie-answer")).toBeNull();
    const { el: other } = await show();
    expect(one(other, ".ie-answer").textContent).toMatch(/: rank 7 → 1, p 0\.01 → 0\.90$/);
  });
});

describe("the grid with a second handle", () => {
  const SIZE = SHAPE.layers * SHAPE.heads;
  /** Of a head at a checkpoint: those before L0H3 fall, those after it rise. */
  const score = (checkpoint: number, head: number) => 0.4 + (checkpoint * (head - 3)) / 1000;
  const grid = (known: (checkpoint: number) => boolean = () => true) =>
    envelope(
      Float32Array.from({ length: SHAPE.checkpoints * SIZE }, (_, i) => {
        const checkpoint = Math.floor(i / SIZE);
        return known(checkpoint) ? score(checkpoint, i % SIZE) : Number.NaN;
      }),
      [SHAPE.checkpoints, SHAPE.layers, SHAPE.heads],
    );
  const compared = (change: Partial<ExplorerModel> = {}) =>
    show({ _grids: { "0/induction": grid() }, ...change });
  const name = (el: Element, head: string) =>
    one(el, `[aria-label="Head scores"] [data-head="${head}"]`).getAttribute("aria-label");
  /** Fill and number of every cell, as they are painted. */
  const painted = async (el: Element, title: string) => {
    const { text } = await saved(el, title, "SVG");
    const cells = text.matchAll(/<rect [^>]*fill="(rgb[^"]*)"\/><text [^>]*>([^<]*)<\/text>/g);
    return [...cells].map(([, fill, number]) => ({ fill, number }));
  };

  it("shows the change, symmetrical around none, and says the value and both checkpoints", async () => {
    const { el } = await compared();
    expect(one(el, ".ie-grid .ie-caption").textContent).toContain(
      "Change of Induction step 131 → step 1,056",
    );
    const cells = await painted(el, "Change of Induction");
    expect(cells.map(({ number }) => number)).toEqual([
      ...["−0.03", "−0.02", "−0.01", "0.00"],
      ...["+0.01", "+0.02", "+0.03", "+0.04"],
    ]);
    const { lut: table } = evenScaleTo(1, 1, "light");
    expect(cells[3]?.fill).toBe(
      cellColors({ min: -1, max: 1, kind: "diverging", lut: table }, 0, "light").fill,
    );
    // The largest change from step 131 to any checkpoint: of L1H3, to the last.
    const ends = [...el.querySelectorAll(".ie-grid .ie-legend-end")].map((end) => end.textContent);
    expect(ends).toEqual(["−0.06", "+0.06"]);
    expect(name(el, "1,3")).toBe("L1H3 induction 0.480 change +0.040 from step 131");
    expect(name(el, "0,0")).toBe("L0H0 induction 0.340 change −0.030 from step 131");
  });

  it("says both values of the head that is pointed at", async () => {
    const { el } = await compared();
    const cell = one(el, "[data-head='1,3']");
    cell.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    expect(one(el, ".ie-legend-readout").textContent).toBe("L1H3 0.440 → 0.480 (+0.040)");
  });

  it("shows values where those are chosen, and names the change all the same", async () => {
    const { el, fake } = await compared();
    const choice = one(el, "[aria-label='Grid shows']") as HTMLSelectElement;
    choice.value = "value";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(fake.get("_view")).toMatchObject({ compared_scores: "value" });
    expect((await painted(el, "Induction at this checkpoint"))[7]?.number).toBe("0.48");
    expect(name(el, "1,3")).toBe("L1H3 induction 0.480 change +0.040 from step 131");
    fake.receive({ compare: null });
    await settle();
    expect(el.querySelector("[aria-label='Grid shows']")).toBeNull();
    expect(name(el, "1,3")).toBe("L1H3 induction 0.480");
  });

  it.each([THEN, NOW])("has no change as long as checkpoint %i is not known", async (missing) => {
    const { el, fake } = await compared({
      _grids: { "0/induction": grid((checkpoint) => checkpoint !== missing) },
    });
    expect(await painted(el, "Change of Induction")).toEqual([]);
    expect(name(el, "1,3")).toMatch(/ change not computed from step 131$/);
    fake.receive({ _grids: { "0/induction": grid() } });
    await settle();
    expect(name(el, "1,3")).toBe("L1H3 induction 0.480 change +0.040 from step 131");
  });

  it("follows both handles", async () => {
    const { el, fake } = await compared();
    fake.receive({ checkpoint: THEN, compare: NOW });
    await settle();
    expect(name(el, "1,3")).toBe("L1H3 induction 0.440 change −0.040 from step 1,056");
    expect((await painted(el, "Change of Induction"))[7]?.number).toBe("−0.04");
  });

  it("is saved with both checkpoints", async () => {
    const { el } = await compared();
    const [columns, ...rows] = rowsOf(await saved(el, "Change of Induction", "CSV"));
    expect(columns?.slice(2, 6)).toEqual([
      "step_before",
      "step_after",
      "induction_before",
      "induction_after",
    ]);
    expect(rows).toHaveLength(SIZE);
    expect(rows[7]?.slice(0, 4)).toEqual(["1", "3", "131", "1056"]);
    const [before, after, change] = rows[7]?.slice(4).map(Number) ?? [];
    expect([before, after]).toEqual([0.44, 0.48]);
    expect(change).toBeCloseTo(0.04, 6);
  });
});

describe("a second handle on a checkpoint that failed", () => {
  it("is said once, with the reason, and everything else stays", async () => {
    const faulty = { ...seriesInfo("run", SHAPE), faults: { [THEN]: "model.safetensors is cut off." } };
    const { el, fake } = await show({ _series: [faulty] });
    const alerts = () => [...el.querySelectorAll("[role=alert]")].map((alert) => alert.textContent);
    expect(alerts()).toEqual([
      "The checkpoint compared with, step 131, could not be used. model.safetensors is cut off.",
    ]);
    expect(el.querySelectorAll("[role=gridcell]")).toHaveLength(SHAPE.layers * SHAPE.heads);
    expect(one(el, "[aria-label='Attention pattern L1H1']")).toBeDefined();
    fake.receive({ compare: THEN + 1 });
    await settle();
    expect(alerts()).toEqual([]);
  });
});

describe("patterns with a second handle", () => {
  const images = (el: Element) => [...el.querySelectorAll<HTMLCanvasElement>(".ie-patterns [role=img]")];
  const named = (el: Element) => images(el).map((image) => image.getAttribute("aria-label"));
  const PAIR = ["Pattern of L1H1 at step 131", "Attention pattern L1H1"];
  const split = async (el: Element) => {
    const choice = one(el, "[aria-label='Patterns stand']") as HTMLSelectElement;
    choice.value = "split";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
  };

  it("stand before and after, each with its checkpoint", async () => {
    const { el, fake } = await show();
    expect(named(el)).toEqual(PAIR);
    const when = () => [...el.querySelectorAll(".ie-panel-when")].map((each) => each.textContent);
    expect(when()).toEqual(["step 131", "step 1,056"]);
    fake.receive({ compare: 3 });
    await settle();
    expect([named(el)[0], when()[0]]).toEqual(["Pattern of L1H1 at step 30", "step 30"]);
    fake.receive({ compare: null });
    await settle();
    expect(named(el)).toEqual(["Attention pattern L1H1"]);
    expect(el.querySelector("[aria-label='Patterns stand']")).toBeNull();
  });

  it("share a square where that is chosen", async () => {
    const { el, fake } = await show();
    await split(el);
    expect(fake.get("_view")).toMatchObject({ compared_patterns: "split" });
    expect(named(el)).toEqual(PAIR);
    expect(new Set(images(el).map((image) => image.parentElement)).size).toBe(1);
    expect(one(el, ".ie-panel-when").textContent).toBe("above step 131, below step 1,056");
  });

  it.each(["beside", "split"] as const)("say which of the two is missing: %s", async (compared_patterns) => {
    const faulty = { ...seriesInfo("run", SHAPE), faults: { [THEN]: "cut off" } };
    const { el } = await show({ _series: [faulty], _view: { compared_patterns } });
    const states = [...el.querySelectorAll(".ie-panel-state")];
    expect(states.map((state) => state.textContent)).toEqual(["no usable checkpoint"]);
    const square = states[0]?.parentElement as Element;
    if (compared_patterns === "beside")
      expect(one(square, "canvas").getAttribute("aria-label")).toBe(PAIR[0]);
    else expect(states[0]?.className).toContain("above");
  });

  it("say the attention at both of the cell that is pointed at", async () => {
    const { el } = await show({ heads: [[0, 1]] });
    one(el, "[aria-label=Tokens] [role=option]:nth-child(6)").dispatchEvent(
      new PointerEvent("pointerover", { bubbles: true }),
    );
    await settle();
    expect(one(el, "[role=status]").textContent).toMatch(
      /^query 5 ' B' attends 0\.\d\d to key 4 ' A' \(0\.\d\d at step 131\)$/,
    );
  });

  it("are saved with both checkpoints", async () => {
    const { el } = await show();
    const [columns, ...rows] = rowsOf(await saved(el, "Attention patterns", "CSV"));
    expect(columns?.slice(5)).toEqual(["step_before", "step_after", "attention_before", "attention_after"]);
    expect(rows).toHaveLength(21);
    expect(rows.every((row) => row[5] === "131" && row[6] === "1056")).toBe(true);
    const values = rows.map((row) => row.slice(7).map(Number));
    expect(values.every((pair) => pair.every((value) => value >= 0 && value <= 1))).toBe(true);
    expect(values.some(([before, after]) => before !== after)).toBe(true);
  });
});
