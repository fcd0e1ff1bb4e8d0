// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { envelope, promptInfo, promptTokens, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { slotColor } from "../../js/src/ui/color";
import { freshPage, SHAPE, settle, widgetOf } from "./shown";

const REASON = "other has no tokenizer.";
/** The second series: other ranges and baselines, without the score in the middle. */
const OTHERS = SCORES.filter(({ name }) => name !== "previous_token").map((score) => ({
  ...score,
  range: [-2, 2] as [number, number],
  chance: 0.5,
  probe: "the tokens of other",
}));

let fake: FakeModel;
let el: HTMLElement;

const one = (selector: string) => el.querySelector<HTMLElement>(selector) as HTMLElement;
const offered = (name: string) =>
  [...el.querySelectorAll<HTMLOptionElement>(`[aria-label="${name}"] option`)].map(({ value }) => value);
const choose = async (name: string, value: string) => {
  const select = one(`[aria-label="${name}"]`) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
};

async function show(change: Partial<ExplorerModel> = {}): Promise<void> {
  const own = traits(SHAPE, promptTokens(8));
  fake = new FakeModel({
    ...own,
    _series: [
      seriesInfo("one", SHAPE),
      { ...seriesInfo("other", SHAPE), left_out: { "Previous token": REASON } },
    ],
    _scores: [SCORES, OTHERS],
    _grids: {
      ...own._grids,
      "1/induction": own._grids["0/induction"] as never,
      "1/induction_logit": own._grids["0/induction_logit"] as never,
    },
    _prompts: [promptInfo(promptTokens(8)), promptInfo(promptTokens(8))],
    ...change,
  });
  el = widgetOf(fake)();
  await settle();
}

freshPage();

describe("a name that is read from right to left", () => {
  /** Text on the page that mixes such letters with others and does not keep them apart. */
  const loose = () => {
    const found: string[] = [];
    const walker = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.textContent ?? "";
      const apart = node.parentElement?.closest("bdi, option, button, svg text, .ie-title") !== null;
      if (/[א-ת]/.test(text.replace(/\u2068[^\u2069]*\u2069/g, "")) && !apart) found.push(text);
    }
    for (const element of el.querySelectorAll("[aria-label], [title], [aria-valuetext]")) {
      for (const name of ["aria-label", "title", "aria-valuetext"]) {
        const text = element.getAttribute(name) ?? "";
        const foreign = text.replace(/\u2068[^\u2069]*\u2069/g, "");
        if (/[א-ת]/.test(foreign) && /[a-z]/i.test(text)) found.push(text);
      }
    }
    return found;
  };

  it.each(["loss", "loss_pca", "all_series", "passage", "answer", "scatter"])(
    "leaves the words around it in order: %s",
    async (tab) => {
      const name = "ריצה";
      const error = { message: `There is no head in ${name}.`, hint: `Ask ${name} of 12.` };
      const tokens = ["<|bos|>", " שלום", " a", " שלום", " a"];
      const series = ["one", name].map((each) => ({
        ...seriesInfo(each, SHAPE),
        ...(each === name && { tokens: Array<null>(SHAPE.checkpoints).fill(null) }),
        left_out: { Entropy: `${name} has no tokenizer.` },
        faults: { 3: `${name} is cut off.` },
      }));
      await show({
        _series: series,
        _status: { state: "failed", label: "", progress: "", done: 0, total: 0, error },
        _prompts: series.map(() => promptInfo(tokens, true, " שלום")),
        _measured_on: series.map(() => `${name} has no tokenizer.`),
        _measures: {},
        answer: " שלום",
        checkpoint: 3,
        _view: { tab, tabs: { passage: { tokens: [1] } } },
      });
      one("[role=option]:nth-child(2)").click();
      await settle();
      expect(el.textContent).toContain(name);
      expect(el.textContent).toContain("שלום");
      expect(loose()).toEqual([]);
    },
  );
});

describe("a series of another shape", () => {
  const WIDE = { layers: 1, heads: 6, checkpoints: 3 };
  /** The score of each head, the same at every checkpoint. */
  const constant = ({ checkpoints, layers, heads }: typeof WIDE, values: number[]) =>
    envelope(Float32Array.from(Array(checkpoints).fill(values).flat()), [checkpoints, layers, heads]);
  const unlike = {
    _series: [seriesInfo("one", SHAPE), seriesInfo("wide", WIDE)],
    _scores: [SCORES, SCORES],
    _grids: {
      "0/induction": constant(SHAPE, [0.1, 0.2, 0.15, 0.05, 0.12, 0.3, 0.9, 0.6]),
      "1/induction": constant(WIDE, [0.1, 0.2, 0.3, 0.7, 0.4, 0.8]),
    },
    _view: { tab: "all_series" },
  };
  /** Names in the chart of each series, with their colours. */
  const named = () =>
    [...el.querySelectorAll(".ie-one-series")].map((chart) =>
      Object.fromEntries(
        [...chart.querySelectorAll(".ie-name text")]
          .filter((name) => /^L\d+H\d+$/.test(name.textContent ?? ""))
          .map((name) => [name.textContent, name.getAttribute("fill")]),
      ),
    );

  it("names its own best heads, in the colours of those that rank as high", async () => {
    await show({
      ...unlike,
      heads: [
        [1, 3],
        [1, 2],
      ] as never,
    });
    const [first, second] = named();
    expect(first).toEqual({ L1H3: slotColor(0, "light"), L1H2: slotColor(1, "light") });
    expect(second).toEqual({ L0H3: slotColor(0, "light"), L0H5: slotColor(1, "light") });
  });

  it("names its best head where none or others are selected", async () => {
    await show({ ...unlike, heads: [[0, 3]] as never });
    expect(named()).toEqual([
      { L0H3: slotColor(0, "light"), L1H2: "var(--ie-ink)" },
      // It has no eighth head.
      { L0H5: "var(--ie-ink)" },
    ]);
  });

  it("takes over the selection by rank, not by place", async () => {
    await show({
      ...unlike,
      heads: [
        [0, 1],
        [1, 2],
      ] as never,
    });
    await choose("Series", "1");
    expect([fake.get("series"), fake.get("heads")]).toEqual([
      1,
      [
        [0, 2],
        [0, 5],
      ],
    ]);
    await choose("Series", "0");
    expect(fake.get("heads")).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});

describe("a prompt that another series", () => {
  const notes = () => [...el.querySelectorAll(".ie-prompt-note")].map((note) => note.textContent);
  const other = (info: Partial<ReturnType<typeof promptInfo>>) =>
    show({ _prompts: [promptInfo(promptTokens(8)), { ...promptInfo(promptTokens(8)), ...info }] });

  it("reads alike needs no words", async () => {
    await other({});
    expect(notes()).toEqual([]);
  });

  it("cannot run is said to be, with the reason, and stays", async () => {
    await other({ tokens: [], error: { message: "other has no tokenizer.", hint: "Give one." } });
    expect(notes()).toEqual(["other cannot run this prompt: other has no tokenizer."]);
    expect(el.querySelectorAll("[aria-label=Tokens] [role=option]")).toHaveLength(8);
  });

  it("reads as other tokens is said to be", async () => {
    await other({ tokens: promptTokens(11) });
    expect(notes()).toEqual(["other reads this prompt as 11 other tokens."]);
    await choose("Series", "1");
    expect(notes()).toEqual(["one reads this prompt as 8 other tokens."]);
  });
});

describe("another series", () => {
  it("shows its own range, chance and probe, whoever chose it", async () => {
    await show();
    for (const change of [() => choose("Series", "1"), async () => fake.receive({ series: 1 })]) {
      await choose("Series", "0");
      expect(one(".ie-score-text").textContent).toContain("chance 0.014");
      await change();
      await settle();
      expect(one(".ie-score-text").textContent).toContain(
        "range −2 to 2 · chance 0.5 · on the tokens of other",
      );
      expect(offered("Score")).toEqual(["induction", "induction_logit"]);
    }
  });

  it("without the chosen score shows one that it has, and says why", async () => {
    await show({ score: "previous_token" });
    await choose("Series", "1");
    expect(fake.get("score")).toBe("induction");
    const said = `Previous token is not measured in this series, so Induction is shown. ${REASON}`;
    expect(one(".ie-score [aria-live]").textContent).toBe(said);
    await choose("Score", "induction_logit");
    expect(one(".ie-score [aria-live]").textContent).toBe("");
    await choose("Series", "0");
    expect([fake.get("score"), one(".ie-score [aria-live]").textContent]).toEqual(["induction_logit", ""]);
  });

  it("says the same when the kernel changed the series", async () => {
    await show({ score: "previous_token" });
    fake.receive({ series: 1 });
    fake.receive({ score: "induction" });
    await settle();
    expect(one(".ie-score [aria-live]").textContent).toContain("Previous token is not measured");
  });

  it("offers only its own scores to compare with, and says what is missing", async () => {
    await show({ _view: { tab: "scatter" } });
    await choose("Series", "1");
    expect(offered("Against")).toEqual(["induction", "induction_logit"]);
    expect(one("[role=tabpanel]").textContent).toContain(
      "Previous token is not measured in this series, so Induction (logit) is shown.",
    );
  });

  it("side by side has its own chance, and says which score it lacks", async () => {
    await show({ _view: { tab: "all_series" } });
    const dashed = () =>
      [...el.querySelectorAll(".ie-one-series")].map((chart) =>
        chart.querySelector("[stroke-dasharray] line")?.getAttribute("y1"),
      );
    const [first, second] = dashed();
    expect(Number(second)).toBeLessThan(Number(first));
    await choose("Score", "previous_token");
    const texts = [...el.querySelectorAll(".ie-one-series")].map((chart) => chart.textContent);
    expect(texts[1]).toContain(`Previous token is not measured in this series. ${REASON}`);
  });
});
