// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Reply, Request, SeriesInfo } from "../../js/src/kernel/model";
import { clearPage, freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

const LARGE = { message: "Too large: 133 forward passes, about 4 minutes.", hint: "", anyway: true };
const works = fakeKernel(SHAPE, 3);
const ALONE = { ...SHAPE, checkpoints: 1 };

/** Computes wirings only for who insists, and then without an end. */
function reluctant(request: Request, model: FakeModel): void {
  if (request.kind !== "wiring") works(request, model);
  else if (!("anyway" in request)) model.reply({ id: request.id, error: LARGE });
}

const buttons = (el: Element) => [...el.querySelectorAll("button")].map(({ textContent }) => textContent);

it("what takes long says what it costs, is computed by a button and stopped by another", async () => {
  const { el, fake } = await show({ heads: [[1, 2]], checkpoint: 4, _view: { tab: "wiring" } }, reluctant);
  const panel = one(el, "[role=tabpanel]");
  const asked = () => fake.sent.filter(({ kind }) => kind === "wiring");
  const press = async (name: string) => {
    const found = [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === name);
    found?.click();
    await settle();
  };
  expect(one(panel, "[role=alert]").textContent).toContain("133 forward passes, about 4 minutes");
  expect(buttons(panel)).not.toContain("Try again");
  expect(panel.textContent).toContain("Not computed yet.");
  expect(panel.textContent).not.toContain("could not be");
  await press("Compute it all the same");
  expect(asked().map((request) => "anyway" in request)).toEqual([false, true]);
  expect(panel.querySelector("[role=alert]")).toBeNull();
  expect(panel.textContent).toContain("Finding what feeds a head takes long. Stop");
  await press("Stop");
  expect(fake.sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id)).toEqual([asked()[1]?.id]);
  expect(buttons(panel)).toContain("Compute it all the same");
  expect(buttons(panel)).not.toContain("Stop");
});

describe("losses of what is too large to be measured unasked", () => {
  const CHECKPOINTS = Array.from({ length: SHAPE.checkpoints }, (_, at) => at);
  const unknown = (tab: string) => ({
    ...{ checkpoint: 4, _view: { tab }, _measures: {}, _measured_on: [""], _components_of: "" },
    _series: [{ ...seriesInfo("big", SHAPE), light: false, measured_unasked: false }],
  });

  /** Measures the first checkpoint of those that are insisted on, and then takes its time. */
  function slow(request: Request, model: FakeModel): void {
    if (request.kind !== "losses") works(request, model);
    else if (!("anyway" in request)) model.reply({ id: request.id, error: LARGE });
    else {
      const body = { checkpoints: request.checkpoints.slice(0, 1) };
      const arrays = [{ name: "loss", dtype: "float32" as const, shape: [1] }];
      const data = new DataView(Float32Array.of(3).buffer);
      model.reply({ id: request.id, chunk: 0, chunks: 1, done: false, body, arrays }, [data]);
    }
  }

  const press = async (el: Element, name: string) => {
    const panel = one(el, "[role=tabpanel]");
    const found = [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === name);
    if (found === undefined) throw new Error(`no button ${name} in ${panel.textContent}`);
    found.click();
    await settle();
  };
  const tab = async (el: Element, title: string) => {
    const found = [...el.querySelectorAll<HTMLElement>("[role=tab]")].find((t) => t.textContent === title);
    found?.click();
    await settle();
    return one(el, "[role=tabpanel]");
  };

  it.each(["Loss", "In-context learning", "Loss by position", "Loss PCA"])(
    "are computed after one click in %s, everywhere, nearest first, until they are stopped",
    async (title) => {
      const { el, fake } = await show(unknown("loss"), slow);
      const asked = () =>
        fake.sent.filter(({ kind }) => kind === "losses") as { id: string; checkpoints: number[] }[];
      const panel = await tab(el, title);
      expect(one(panel, "[role=alert]").textContent).toContain("133 forward passes, about 4 minutes");
      expect(panel.textContent).not.toContain("Not measured");
      await press(el, "Compute it all the same");
      const { checkpoints } = asked().at(-1) ?? { checkpoints: [] };
      expect([...checkpoints].sort((a, b) => a - b)).toEqual(CHECKPOINTS);
      expect(checkpoints.slice(0, 3)).toEqual([4, 3, 5]);
      expect(panel.querySelector("[role=alert]")).toBeNull();
      const other = await tab(el, title === "Loss" ? "Loss PCA" : "Loss");
      expect(other.textContent).not.toContain("all the same");
      await tab(el, "Scatter");
      expect(fake.sent.map(({ kind }) => kind)).not.toContain("cancel");
      await tab(el, title);
      expect(new Set(asked().map(({ id }) => id)).size).toBe(2);
      await press(el, "Stop");
      expect(fake.sent.filter(({ kind }) => kind === "cancel")).toHaveLength(1);
      expect("anyway" in (asked().at(-1) ?? {})).toBe(false);
      await press(el, "Compute it all the same");
      expect(asked().at(-1)?.checkpoints).not.toContain(4);
    },
  );

  it.each(["Loss", "Loss PCA"])(
    "that are few enough are said to be computed in %s, not missing",
    async (title) => {
      const { el } = await show(unknown("loss"), (request, model) => {
        if (request.kind !== "losses") works(request, model);
      });
      const panel = await tab(el, title);
      expect(panel.textContent).toMatch(/omputing … 0 of \d+ checkpoints/);
      expect(panel.textContent).not.toMatch(/Not measured|No losses/);
    },
  );

  it("are not asked for where they come unasked", async () => {
    const { fake } = await show({ ...unknown("loss"), _series: [seriesInfo("small", SHAPE)] }, slow);
    expect(fake.sent.map(({ kind }) => kind)).not.toContain("losses");
  });

  it("of another series are computed after a click as well", async () => {
    const page = unknown("loss");
    const [big] = page._series as [SeriesInfo];
    const _series = [seriesInfo("small", SHAPE), { ...big, name: "other" }];
    const { el, fake } = await show({ ...page, _series, ...both() }, slow);
    expect(one(el, "[role=tabpanel] [role=alert]").textContent).toContain("other: Too large");
    await press(el, "Compute it all the same");
    expect(fake.sent.at(-1)).toMatchObject({ kind: "losses", series: 1, anyway: true });
  });
});

describe("what is drawn over training of a model too large to be asked at every checkpoint", () => {
  const CHECKPOINTS = Array.from({ length: SHAPE.checkpoints }, (_, at) => at);
  const FAULT = { message: "The disk is full.", hint: "" };
  const large = (tab: string): Partial<ExplorerModel> => ({
    ...{ checkpoint: 4, answer: " B", _view: { tab } },
    _series: [{ ...seriesInfo("big", SHAPE), light: false }],
    _prompts: [promptInfo(TOKENS, false, " B")],
  });
  const KINDS = { passage: "predictions", answer: "predictions", ablation: "ablation" } as const;
  const TABS = Object.entries(KINDS);
  let fails = false;

  /** Refuses what is asked of many; of what is insisted on the nearest three come, and then it takes its time. */
  function heavy(request: Request, model: FakeModel): void {
    if (!("checkpoints" in request) || request.checkpoints.length <= 2) works(request, model);
    else if (!("anyway" in request)) model.reply({ id: request.id, error: LARGE });
    else {
      const slow = {
        get: (name: "answer" | "_prompts") => model.get(name),
        reply: (reply: Reply, data: DataView[]) => model.reply({ ...reply, done: false } as Reply, data),
      };
      works({ ...request, checkpoints: request.checkpoints.slice(0, 3) }, slow as unknown as FakeModel);
      if (fails) setTimeout(() => model.reply({ id: request.id, error: FAULT }), 500);
    }
  }

  async function open(tab: string) {
    fails = false;
    const { el, fake } = await show(large(tab), heavy);
    const panel = one(el, "[role=tabpanel]");
    const kind = KINDS[tab as keyof typeof KINDS];
    type Asked = { id: string; checkpoints: number[]; anyway?: boolean; generation?: number };
    const asked = () => fake.sent.filter((request) => request.kind === kind) as unknown as Asked[];
    const cancelled = () => fake.sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id);
    const press = async (name: string) => {
      const found = [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === name);
      if (found === undefined) throw new Error(`no button ${name} in ${panel.textContent}`);
      found.click();
      await settle();
    };
    return { el, fake, panel, asked, cancelled, press };
  }

  it.each(TABS)("says in %s what that costs, and is there where the slider is", async (tab) => {
    const { panel, asked } = await open(tab);
    expect(one(panel, "[role=alert]").textContent).toContain("133 forward passes, about 4 minutes");
    expect(buttons(panel).filter((name) => name === "Compute it all the same")).toHaveLength(1);
    expect(panel.textContent).toContain("1 of 26 checkpoints");
    expect(asked().map(({ checkpoints }) => checkpoints.length)).toEqual([1, 26]);
    expect(asked()[0]?.checkpoints).toEqual([4]);
    expect(panel.textContent).not.toMatch(/omputing …/);
  });

  it.each(TABS)("comes in %s after a click, nearest first, and is drawn as it comes", async (tab) => {
    const { el, panel, asked, press } = await open(tab);
    await press("Compute it all the same");
    const insisted = asked().at(-1);
    expect(insisted?.anyway).toBe(true);
    expect([...(insisted?.checkpoints ?? [])].sort((a, b) => a - b)).toEqual(
      CHECKPOINTS.filter((at) => at !== 4),
    );
    expect(insisted?.checkpoints.slice(0, 4).sort((a, b) => a - b)).toEqual([2, 3, 5, 6]);
    expect(panel.querySelector("[role=alert]")).toBeNull();
    expect(panel.textContent).toContain("4 of 26 checkpoints");
    expect(one(panel, "figure .ie-chart [data-mark=line] path").getAttribute("d")).toMatch(/L.*L.*L/);
    expect(buttons(panel).filter((name) => name === "Stop")).toHaveLength(1);
    // What the slider moves to is asked for apart, before the rest, and without being asked twice.
    const slider = one(el, "input[type=range]") as HTMLInputElement;
    slider.value = "20";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(asked().at(-1)).toMatchObject({ checkpoints: [20], anyway: true });
    expect(panel.textContent).toContain("5 of 26 checkpoints");
  });

  it.each(TABS)("stops in %s by a click, and goes on after another from where it was", async (tab) => {
    const { panel, asked, cancelled, press } = await open(tab);
    await press("Compute it all the same");
    const insisted = asked().at(-1);
    await press("Stop");
    expect(cancelled()).toContain(insisted?.id);
    expect(buttons(panel)).not.toContain("Stop");
    await press("Compute it all the same");
    const again = asked().at(-1)?.checkpoints;
    expect(again).toHaveLength(22);
    expect(insisted?.checkpoints.slice(0, 3).filter((at) => again?.includes(at))).toEqual([]);
  });

  it.each(TABS)("goes on in %s while another tab is open, until a new prompt is run", async (tab) => {
    const { el, fake, panel, asked, cancelled, press } = await open(tab);
    await press("Compute it all the same");
    const insisted = asked().at(-1);
    fake.receive({ _view: { tab: "loss" } });
    await settle();
    expect(cancelled()).not.toContain(insisted?.id);
    fake.receive({ _view: { tab } });
    await settle();
    expect(buttons(one(el, "[role=tabpanel]"))).toContain("Stop");
    expect(asked().at(-1)).toBe(insisted);
    fake.receive({ _view: { tab: "loss" } });
    fake.receive({ _prompts: [{ ...promptInfo([...TOKENS, " D"], false, " B"), generation: 2 }] });
    await settle();
    expect(cancelled()).toContain(insisted?.id);
    expect(asked().filter(({ generation, anyway }) => generation === 2 && anyway)).toEqual([]);
    expect(panel.isConnected).toBe(false);
  });

  it.each(TABS)("says in %s what failed, beside what is there, and is tried again", async (tab) => {
    const { panel, asked, press } = await open(tab);
    fails = true;
    await press("Compute it all the same");
    expect(one(panel, "[role=alert]").textContent).toContain("The disk is full.");
    expect(panel.textContent).toContain("4 of 26 checkpoints");
    expect(buttons(panel)).not.toContain("Stop");
    fails = false;
    await press("Try again");
    expect(asked().at(-1)).toMatchObject({ anyway: true });
    expect(asked().at(-1)?.checkpoints).toHaveLength(22);
    expect(panel.querySelector("[role=alert]")).toBeNull();
  });

  it("is asked for once where it is affordable, and where there is one checkpoint", async () => {
    for (const _series of [[seriesInfo("small", SHAPE)], [{ ...seriesInfo("one", ALONE), light: false }]]) {
      clearPage();
      const _prompts = [promptInfo(TOKENS, _series[0]?.light, " B")];
      const page = { ...large("ablation"), _series, _prompts, checkpoint: 0 };
      const { fake } = await show(page, works);
      expect(fake.sent.filter(({ kind }) => kind === "ablation")).toHaveLength(1);
    }
  });
});

function both(): Partial<ExplorerModel> {
  const { _scores, _prompts, _phases } = traits(SHAPE);
  const twice = <T>(list: T[]) => [...list, ...list];
  return { _scores: twice(_scores), _prompts: twice(_prompts), _phases: twice(_phases) };
}
