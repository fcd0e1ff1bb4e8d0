// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { seriesInfo } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Request } from "../../js/src/kernel/model";
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
    expect(one(other, ".ie-answer").textContent).toMatch(/: rank 6 → 0, p 0\.01 → 0\.90$/);
  });
});
