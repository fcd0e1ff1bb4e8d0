// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Request, SeriesInfo } from "../../js/src/kernel/model";
import { freshPage, one, SHAPE, settle, show } from "./shown";

freshPage();

const LARGE = { message: "Too large: 133 forward passes, about 4 minutes.", hint: "", anyway: true };
const works = fakeKernel(SHAPE, 3);

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
  await press("Compute it all the same");
  expect(asked().map((request) => "anyway" in request)).toEqual([false, true]);
  expect(panel.querySelector("[role=alert]")).toBeNull();
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

function both(): Partial<ExplorerModel> {
  const { _scores, _prompts, _phases } = traits(SHAPE);
  const twice = <T>(list: T[]) => [...list, ...list];
  return { _scores: twice(_scores), _prompts: twice(_prompts), _phases: twice(_phases) };
}
