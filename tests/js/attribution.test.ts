// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, seriesInfo, traits } from "../../js/dev/data";
import { attributionAt } from "../../js/dev/fake-attribution";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Request } from "../../js/src/kernel/model";
import { type Attributed, partsOf } from "../../js/src/tabs/attribution/parts";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, TOKENS, widgetOf } from "./shown";

let fake: FakeModel;

async function show(change: Partial<ExplorerModel> = {}) {
  fake = new FakeModel({
    ...traits(SHAPE, TOKENS),
    heads: [[1, 1]],
    _view: { tab: "attribution" },
    ...change,
  });
  fake.kernel = fakeKernel(SHAPE, 3);
  const el = widgetOf(fake)();
  await settle();
  return { el, panel: one(el, "[role=tabpanel]") };
}

const asked = () =>
  fake.sent.filter((one): one is Extract<Request, { kind: "attribution" }> => one.kind === "attribution");
const bars = (panel: Element) => one(panel, "table[aria-label='What adds to the logit']");
const numberIn = (row: Element) => Number(row.children[1]?.textContent?.replace("−", "-"));

freshPage();

function found(change: Partial<Record<keyof Attributed, number[]>> = {}): Attributed {
  const made = { ...attributionAt({ layers: 2, heads: 4, checkpoints: 26 }, 20, 3), ...change };
  return Object.fromEntries(Object.entries(made).map(([name, of]) => [name, Float32Array.from(of)])) as never;
}

describe("the parts", () => {
  it("sum to the logit, largest first", () => {
    const of = found();
    const parts = partsOf(of, 4);
    expect(parts.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(of.logit[0] as number, 4);
    const sizes = parts.map(({ value }) => Math.abs(value));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(parts.find(({ head }) => head?.join() === "1,2")?.name).toBe("L1H2");
  });

  it("that are small stand together, but never one alone", () => {
    const heads = Array.from({ length: 12 }, (_, index) => index + 1);
    const names = (count: number) =>
      partsOf(found({ heads: heads.slice(0, count) }), 4).map(({ name }) => name);
    expect(names(12)).toContain("4 other heads");
    expect(names(9).filter((name) => /^L\d/.test(name))).toHaveLength(9);
    expect(names(10)).toContain("2 other heads");
  });

  it("that add nothing are left out", () => {
    const names = partsOf(found({ mlps: [0, 0], position: [0], bias: [0] }), 4).map(({ name }) => name);
    expect(names.some((name) => /MLP|position|last/.test(name))).toBe(false);
  });
});

describe("the attribution tab", () => {
  it("asks of the last token for what comes next, at every checkpoint", async () => {
    await show();
    expect(asked()[0]).toMatchObject({ query: TOKENS.length - 1, token: null });
    expect(new Set(asked().flatMap(({ checkpoints }) => checkpoints)).size).toBe(26);
  });

  it("asks of the token that is locked", async () => {
    const { el } = await show();
    one(el, "[role=listbox][aria-label=Tokens]").querySelectorAll<HTMLElement>("[role=option]")[3]?.click();
    await settle();
    expect(asked().at(-1)).toMatchObject({ query: 3, token: null });
    expect(one(el, "[role=tabpanel]").textContent).toContain("after position 3");
  });

  it("asks for the token that is chosen, and says whose logit it is", async () => {
    const { el, panel } = await show();
    const select = one(panel, "[aria-label='Logit of']") as HTMLSelectElement;
    expect(select.options[0]?.textContent).toBe("the likeliest token");
    select.value = "21";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(asked().at(-1)).toMatchObject({ token: 21 });
    expect(one(el, "[role=tabpanel] [role=heading]").textContent).toBe("Logit of ' word21'");
    expect(fake.get("_view")).toMatchObject({ tabs: { attribution: { token: [21] } } });
  });

  it("says what the next token or the answer is", async () => {
    const { panel } = await show({ answer: " B", _prompts: [promptInfo(TOKENS, true, " B")] });
    const select = one(panel, "[aria-label='Logit of']") as HTMLSelectElement;
    expect(select.options[0]?.textContent).toBe("the answer, ' B'");
  });

  it("has a row for each part, and below them their sum", async () => {
    const { panel } = await show();
    const rows = [...bars(panel).querySelectorAll("tbody tr")];
    const sum = rows.reduce((total, row) => total + numberIn(row), 0);
    expect(sum).toBeCloseTo(numberIn(one(bars(panel), "tfoot tr")), 2);
    expect(bars(panel).querySelectorAll("th[scope=row]")).toHaveLength(rows.length + 1);
  });

  it("names every head's attribution with its sign, and selects by click", async () => {
    const { panel } = await show();
    const cells = [
      ...one(panel, "[aria-label='Head attributions']").querySelectorAll<HTMLElement>("[role=gridcell]"),
    ];
    expect(cells[6]?.getAttribute("aria-label")).toMatch(/^L1H2 attribution −?\d\.\d{3}$/);
    cells[3]?.click();
    await settle();
    expect(fake.get("heads")).toEqual([[0, 3]]);
    const row = [...bars(panel).querySelectorAll("tbody tr")].find(
      ({ firstChild }) => firstChild?.textContent === "L1H2",
    );
    row?.dispatchEvent(new PointerEvent("pointerenter"));
    await settle();
    expect(cells[6]?.className).toContain("ie-cell-hovered");
  });

  it("draws the selected heads and the logit over training", async () => {
    const { panel } = await show({
      heads: [
        [1, 1],
        [1, 2],
      ],
    });
    const figure = one(panel, "figure[aria-label='Attribution over training']");
    expect(figure.textContent).toContain("of the selected heads, and the logit less its mean");
    for (const name of ["logit", "L1H1", "L1H2"]) expect(figure.textContent).toContain(name);
  });

  it("draws nothing over training of a single checkpoint", async () => {
    const info = seriesInfo("one", { ...SHAPE, checkpoints: 1 });
    const { panel } = await show({ _series: [info], checkpoint: 0 });
    expect(panel.querySelector("figure[aria-label='Attribution over training']")).toBeNull();
    expect(bars(panel).querySelectorAll("tbody tr").length).toBeGreaterThan(3);
  });

  it("saves every part at every checkpoint, which sum to the logit", async () => {
    const { el } = await show();
    const [columns, ...rows] = rowsOf(await saved(el, "Attribution", "CSV"));
    const at = (name: string) => columns?.indexOf(name) ?? -1;
    const first = rows.filter((row) => row[at("checkpoint")] === "20");
    const value = (row: string[]) => Number(row[at("logits")]);
    const parts = first.filter((row) => !row[at("part")]?.includes("logit"));
    const logit = first.find((row) => row[at("part")] === "logit") as string[];
    expect(parts.reduce((sum, row) => sum + value(row), 0)).toBeCloseTo(value(logit), 4);
    expect(rows).toHaveLength(26 * (8 + 2 + 2 + 5));
  });

  it("says what to do without a prompt", async () => {
    const { panel } = await show({ _prompts: [promptInfo([], true)] });
    expect(panel.textContent).toContain("Run a prompt");
    expect(asked()).toEqual([]);
  });

  it("says what the head that was selected last looks at, and what it writes of it", async () => {
    const { el, panel } = await show({
      heads: [
        [0, 2],
        [1, 1],
      ],
    });
    const sent = fake.sent.filter(({ kind }) => kind === "head_tokens");
    expect(sent[0]).toMatchObject({ head: [1, 1], query: TOKENS.length - 1 });
    const rows = [
      ...one(panel, "table[aria-label='Keys, and what is written of them']").querySelectorAll("tbody tr"),
    ];
    expect(rows).toHaveLength(5);
    expect(rows[0]?.children[0]?.textContent).toBe(`${TOKENS.length - 1} ${TOKENS.at(-1)}`);
    expect(rows[0]?.children[3]?.textContent).toMatch(/ word\d+ \+\d\.\d/);
    expect(rows[0]?.children[4]?.textContent).toMatch(/ word\d+ −0\.8/);
    const [columns, ...saves] = rowsOf(await saved(el, "What L1H1 writes", "CSV"));
    expect(columns?.slice(4)).toEqual([
      "key",
      "key_token",
      "attention",
      "score",
      "which",
      "token_id",
      "token",
      "logits",
    ]);
    expect(saves).toHaveLength(26 * 5 * 2 * 4);
  });

  it("asks of no head where none is selected", async () => {
    await show({ heads: [] });
    expect(fake.sent.some(({ kind }) => kind === "head_tokens")).toBe(false);
    expect(asked()).not.toEqual([]);
  });
});
