// @vitest-environment happy-dom
/** What is known against checkpoints is marked on the slider, and said where one is shown. */
import { expect, it } from "vitest";
import { SCORES, seriesInfo } from "../../js/dev/data";
import type { SeriesInfo } from "../../js/src/kernel/model";
import { doubtsText, saidOf } from "../../js/src/state/findings";
import { freshPage, one, SHAPE, settle, show, WIDTH } from "./shown";

freshPage();

const DOUBT = { doubtful: true, reason: "holds the final model (main), byte for byte", checkpoints: [2, 3] };
const NOTE = { doubtful: false, reason: "is step 20, byte for byte, as it should", checkpoints: [0] };

function known(name: string, change: Partial<SeriesInfo>): SeriesInfo {
  return { ...seriesInfo(name, SHAPE), ...change };
}

const marks = (el: Element) => [...el.querySelectorAll<HTMLElement>(".ie-mark")];
const places = (found: HTMLElement[]) => found.map((mark) => mark.style.left);
const ticks = (el: Element) =>
  [...el.querySelectorAll<HTMLElement>(".ie-tick")].map(({ style }) => style.left);
const line = (el: Element) => el.querySelector(".ie-slider .ie-one-line")?.textContent;

it("marks stand over their checkpoints, and differ by what is found", async () => {
  const { el } = await show({ _series: [known("run", { findings: [DOUBT, NOTE] })] });
  expect(places(marks(el))).toEqual([2, 3, 0].map((index) => ticks(el)[index]));
  expect(marks(el).map((mark) => mark.classList.contains("ie-mark-note"))).toEqual([false, false, true]);
});

it("they are of the series that is shown, and follow what comes to be known", async () => {
  const series = [known("one", {}), known("other", { findings: [DOUBT] })];
  const { fake, el } = await show({ _series: series, _scores: [SCORES, SCORES] });
  expect(marks(el)).toEqual([]);
  expect(line(el)).toBeUndefined();
  fake.receive({ series: 1 });
  await settle();
  expect(marks(el).length).toBe(2);
  expect(line(el)).toBe("2 of 26 checkpoints are doubtful");
  fake.receive({ _series: [series[0] as SeriesInfo, known("other", { findings: [DOUBT, NOTE] })] });
  await settle();
  expect(marks(el).length).toBe(3);
  fake.receive({ series: 0 });
  await settle();
  expect(marks(el)).toEqual([]);
});

it("a checkpoint that is shown says it, to who sees it and who does not", async () => {
  const { fake, el } = await show({ _series: [known("run", { findings: [DOUBT, NOTE] })], checkpoint: 3 });
  const slider = one(el, '[aria-label="Checkpoint"]');
  const label = known("run", {}).labels[3];
  expect(slider.getAttribute("aria-valuetext")).toMatch(
    new RegExp(`^${label} · .* tokens · doubtful: holds the final model \\(main\\), byte for byte$`),
  );
  expect(line(el)).toBe(`${label} · doubtful: holds the final model (main), byte for byte`);
  fake.receive({ checkpoint: 0 });
  await settle();
  expect(slider.getAttribute("aria-valuetext")).toMatch(
    / · of note: is step 20, byte for byte, as it should$/,
  );
  expect(line(el)).toBe("step 0 · of note: is step 20, byte for byte, as it should");
  fake.receive({ checkpoint: 9, compare: 2 });
  await settle();
  expect(slider.getAttribute("aria-valuetext")).toMatch(/ tokens$/);
  expect(line(el)).toMatch(/^step [\d,]+ · doubtful: holds the final model/);
  expect(one(el, '[aria-label="Compare with"]').getAttribute("aria-valuetext")).toMatch(/ · doubtful: holds/);
});

it("one that could not be used says why, and nothing else", async () => {
  const faults = { 3: "model.safetensors is cut off." };
  const info = known("run", { findings: [DOUBT], faults });
  const { el } = await show({ _series: [info], checkpoint: 3 });
  expect(one(el, '[aria-label="Checkpoint"]').getAttribute("aria-valuetext")).toMatch(
    / · could not be used: model.safetensors is cut off\.$/,
  );
  expect(line(el)).toMatch(/ · could not be used: model.safetensors is cut off\.$/);
  expect(saidOf(info, 2)).toBe("doubtful: holds the final model (main), byte for byte");
});

it("a mark that is pointed at says the same beside it; beside none nothing is said", async () => {
  const { el } = await show({
    _series: [known("run", { findings: [DOUBT], faults: { 20: "cut off" } })],
    checkpoint: 9,
  });
  const point = async (left: number) => {
    one(el, ".ie-rail").dispatchEvent(new MouseEvent("pointermove", { clientX: left, bubbles: true }));
    await settle();
    return el.querySelector("[role=tooltip]")?.textContent;
  };
  const at = (index: number) => Number.parseFloat(ticks(el)[index] as string);
  const { labels } = known("run", {});
  expect(await point(at(3) + 2)).toBe(`${labels[3]} · doubtful: holds the final model (main), byte for byte`);
  expect(await point(at(20))).toBe(`${labels[20]} · could not be used: cut off`);
  expect(await point(at(9))).toBeUndefined();
  await point(at(3));
  one(el, ".ie-rail").dispatchEvent(new MouseEvent("pointerleave"));
  await settle();
  expect(el.querySelector("[role=tooltip]")).toBeNull();
  expect(at(25)).toBeLessThan(WIDTH);
});

it("how many there are is said in words", () => {
  const text = (...findings: SeriesInfo["findings"]) => doubtsText(known("run", { findings }));
  expect(text(DOUBT, NOTE)).toBe("2 of 26 checkpoints are doubtful");
  expect(text(DOUBT, { ...DOUBT, reason: "another", checkpoints: [3, 4] })).toBe(
    "3 of 26 checkpoints are doubtful",
  );
  expect(text({ ...DOUBT, checkpoints: [2] })).toBe("1 of 26 checkpoints is doubtful");
  expect(text(NOTE)).toBe("");
});
