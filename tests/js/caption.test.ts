// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { promptInfo, seriesInfo, traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import { captionOf, noteOf } from "../../js/src/export/caption";
import type { ExplorerModel, SeriesInfo } from "../../js/src/kernel/model";
import { Store } from "../../js/src/state/store";

const SHAPE = { layers: 2, heads: 4, checkpoints: 26 };

let abort: AbortController;
beforeEach(() => {
  abort = new AbortController();
});
afterEach(() => abort.abort());

function storeOf(change: Partial<ExplorerModel> = {}): Store {
  const fake = new FakeModel({ ...traits(SHAPE, ["<|bos|>", "A"]), checkpoint: 25, ...change });
  return new Store(fake.model, abort.signal);
}

const series = (name: string, change: Partial<SeriesInfo> = {}) => ({
  ...seriesInfo(name, SHAPE),
  ...change,
});
const one = (name: string, step: number, tokens: number | null) =>
  series(name, { labels: [`step ${step}`], steps: [step], tokens: [tokens], tokens_estimated: [false] });

describe("a caption", () => {
  it("says what the figure is of, and nothing that it is not of", () => {
    const at = "attn-only-2l · step 3,000 · 12.3M tokens.";
    expect(captionOf(storeOf(), {})).toEqual([at]);
    expect(captionOf(storeOf(), { says: ["A formula", ""], scores: [null] })).toEqual([at, "A formula"]);
    expect(captionOf(storeOf(), { prompt: true })).toEqual([at, "Prompt, 2 tokens: <|bos|>A"]);
  });

  it("says what is drawn besides, which a table of its numbers lacks", () => {
    const store = storeOf();
    const about = { scores: [store.scoreInfo.value], dashed: true, patterns: true };
    const [, score, patterns] = captionOf(store, about);
    expect(score).toContain("; chance 0.014 (dashed); ");
    expect(patterns).toBe("Patterns on the prompt, 2 tokens: <|bos|>A");
    const [, noted, ...more] = noteOf(store, about, []);
    expect(noted).toContain("; chance 0.014; ");
    expect(more).toEqual([]);
  });

  it("says which scores are the reader's own, and in what they are", () => {
    const store = storeOf();
    const [score] = store.scores.value;
    if (score === undefined) throw new Error("no score");
    const about = { scores: [{ ...score, title: "LLC", own: true, units: "nat" }] };
    expect(captionOf(store, about)[1]).toMatch(/^LLC \(the reader's own\): .*, in nat; chance/);
    expect(noteOf(store, about, [])[1]).toMatch(/^LLC \(the reader's own\): /);
    expect(captionOf(store, { scores: [score] })[1]).not.toContain("own");
  });

  it("of training says from where to where, and which checkpoint is marked", () => {
    const [line] = captionOf(storeOf(), { training: true });
    expect(line).toBe(
      "attn-only-2l, 26 checkpoints from step 0 to step 3,000; marked: step 3,000 · 12.3M tokens.",
    );
    expect(noteOf(storeOf(), {}, ["checkpoint", "loss"])).toEqual([
      "attn-only-2l, 26 checkpoints from step 0 to step 3,000.",
    ]);
  });

  it("says what is known against what it shows", () => {
    const doubtful = { doubtful: true, reason: "holds the final model", checkpoints: [2, 25] };
    const store = storeOf({ _series: [series("a", { findings: [doubtful] }), series("b")] });
    expect(captionOf(store, {})[1]).toBe("step 3,000 · doubtful: holds the final model.");
    expect(captionOf(store, { training: true })[1]).toBe("2 of 26 checkpoints are doubtful.");
    expect(noteOf(store, {}, ["checkpoint", "loss"])[1]).toBe("2 of 26 checkpoints are doubtful.");
    const sound = storeOf({ _series: [series("a", { findings: [doubtful] })], checkpoint: 9 });
    expect(captionOf(sound, {}).length).toBe(1);
    const noted = { ...doubtful, doubtful: false };
    expect(
      captionOf(storeOf({ _series: [series("a", { findings: [noted] })] }), { training: true }).length,
    ).toBe(1);
  });

  it("of a single checkpoint speaks of no training", () => {
    const single = storeOf({ _series: [one("final", 143_000, null)], checkpoint: 0 });
    for (const training of [false, true]) {
      expect(captionOf(single, { training })).toEqual(["final · step 143000."]);
    }
    const lone = storeOf({ _series: [one("gpt2", 0, null)], checkpoint: 0 });
    expect(captionOf(lone, {})).toEqual(["gpt2."]);
  });

  it("of a model that has no name says so", () => {
    const lone = storeOf({ _series: [one("", 0, null)], checkpoint: 0 });
    expect(captionOf(lone, {})).toEqual(["model without a name."]);
  });

  it("ends a sentence once", () => {
    const lone = storeOf({ _series: [one("Is it GPT-2?", 0, null)], checkpoint: 0 });
    expect(captionOf(lone, {})).toEqual(["Is it GPT-2?"]);
  });

  it("says both checkpoints that are compared, of the series that is shown alone", () => {
    const both = storeOf({ compare: 0, _series: [series("a"), series("b")] });
    expect(captionOf(both, {})).toEqual(["a · step 0 · 0 tokens → step 3,000 · 12.3M tokens."]);
    expect(captionOf(both, { everySeries: true })[0]).toMatch(
      /^a · step 0 · 0 tokens → step 3,000 · 12\.3M tokens \| b · step [\d,]+ · [\d.]+.? tokens\.$/,
    );
  });

  it("of a table names every series only where its rows do", () => {
    const both = storeOf({ _series: [series("a"), series("b")] });
    expect(noteOf(both, {}, ["series", "checkpoint"])[0]).toMatch(/^a, 26 .* \| b, 26 /);
    expect(noteOf(both, {}, ["checkpoint"])[0]).not.toContain("|");
  });

  it("has no prompt where none is known yet, and no subject without a series", () => {
    expect(captionOf(storeOf({ _prompts: [] }), { prompt: true })).toHaveLength(1);
    expect(captionOf(storeOf({ _series: [], _prompts: [] }), {})).toEqual([""]);
  });

  it("counts a prompt's tokens, and cuts it in a figure, but not above a table", () => {
    const tokens = ["<|bos|>", ...(" a long prompt indeed".repeat(20).match(/ \w+/g) ?? [])];
    const long = storeOf({ _prompts: [promptInfo(tokens)] });
    const [, cut = ""] = captionOf(long, { prompt: true });
    const [, whole = ""] = noteOf(long, { prompt: true }, []);
    expect(cut).toMatch(/^Prompt, 81 tokens: <\|bos\|> a long.*….*indeed$/);
    expect(cut.length).toBeLessThan(150);
    expect(whole).toBe(`Prompt, 81 tokens: ${tokens.join("")}`);
  });

  it("explains each score, with its chance where it has one", () => {
    const words = { name: "s", title: "Score", formula: "A + B", probe: "inputs", source: "Us 2026" };
    const score = { ...words, own: false, units: "1" };
    const about = (chance: number | null) => ({ scores: [{ ...score, chance } as never] });
    expect(captionOf(storeOf(), about(0.0123))[1]).toBe("Score: A + B; chance 0.012; on inputs; Us 2026.");
    expect(captionOf(storeOf(), about(null))[1]).toBe("Score: A + B; on inputs; Us 2026.");
  });
});
