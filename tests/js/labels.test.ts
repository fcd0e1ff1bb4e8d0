// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { SCORES, seriesInfo } from "../../js/dev/data";
import { plotEmphasis, plotGround } from "../../js/src/chart/curves-plot";
import { fitted, spread } from "../../js/src/chart/labels";
import { plotOverTraining } from "../../js/src/chart/measure-plot";
import type { ScoreInfo } from "../../js/src/kernel/model";
import { plotPaths } from "../../js/src/tabs/loss-pca/plot";

/** A fixed sequence that looks random, in [0, 1). */
function* numbers(): Generator<number, number> {
  for (let state = 1; ; ) {
    state = (state * 48271) % 2147483647;
    yield state / 2147483647;
  }
}

describe("the marks beside a curve", () => {
  it.each([[[-0.072196]], [[10.82441, 10.82443]], [[0]], [[-0.07216, -0.07221, -0.07219]]])(
    "fit their margin, sign and all, for %j",
    (y) => {
      const curve = { name: "run", current: true, x: y.map((_, i) => i), y };
      const { element } = plotOverTraining([curve], { width: 400, type: "linear" });
      const marks = [...element.querySelectorAll('[aria-label="y-axis tick label"] text')];
      expect(marks.length).toBeGreaterThan(1);
      for (const mark of marks) expect(mark.textContent?.length).toBeLessThanOrEqual(6);
    },
  );
});

describe("the names of heads", () => {
  it.each([
    [2, 4],
    [126, 128],
  ])("have room beside the curves of %i layers of %i", (layers, heads) => {
    const shape = { layers, heads, checkpoints: 2 };
    const values = new Float32Array(2 * layers * heads);
    const frame = { width: 600, type: "log", unit: "steps" } as const;
    const ground = plotGround(seriesInfo("run", shape), SCORES[0] as ScoreInfo, values, frame);
    const name = `L${layers - 1}H${heads - 1}`;
    expect(fitted(name, ground.width - ground.right - 7)).toBe(name);
    const color = "#000";
    const plot = plotEmphasis(ground, [{ name, color, curve: [0.1, 0.2] }], null);
    expect(plot.querySelector("text")?.getAttribute("transform")).toContain(`translate(${ground.right},`);
  });
});

describe("labels", () => {
  it("stay inside, a gap apart where there is room, in the order they were in", () => {
    const random = numbers();
    for (let trial = 0; trial < 500; trial++) {
      const [low, high, gap] = [12, 196, 13];
      const wanted = Array.from(
        { length: 1 + Math.floor(20 * random.next().value) },
        () => -40 + 300 * random.next().value ** 3,
      );
      const placed = spread(wanted, gap, low, high);
      const apart = Math.min(gap, (high - low) / Math.max(1, wanted.length - 1));
      const order = [...wanted.keys()].sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
      order.forEach((index, rank) => {
        expect(placed[index]).toBeGreaterThanOrEqual(low - 1e-9);
        expect(placed[index]).toBeLessThanOrEqual(high + 1e-9);
        const before = placed[order[rank - 1] ?? -1];
        if (before !== undefined) expect((placed[index] ?? 0) - before).toBeGreaterThanOrEqual(apart - 1e-9);
      });
    }
  });

  it("move both ways and no further than they have to", () => {
    expect(spread([50, 100], 13, 0, 200)).toEqual([50, 100]);
    expect(spread([100, 100], 10, 0, 200)).toEqual([95, 105]);
    expect(spread([100, 98, 102], 10, 0, 200)).toEqual([100, 90, 110]);
    expect(spread([1, 1, 1], 10, 0, 200)).toEqual([0, 10, 20]);
    expect(spread([199, 199, 100], 10, 0, 200)).toEqual([190, 200, 100]);
    expect(spread([], 10, 0, 200)).toEqual([]);
  });

  it("are cut to the room there is, and only then", () => {
    expect(fitted("run A", 77)).toBe("run A");
    const cut = fitted("a run with a name that is far too long", 77);
    expect(cut).toMatch(/^a run.*….*long$/);
    expect(cut.length).toBeLessThan(14);
    expect(fitted("モデルの名前がとても長い", 77).length).toBeLessThan(8);
    expect(fitted("run", 0)).toBe("…");
  });

  it("of curves are cut in the chart and whole in their titles", () => {
    const name = "checkpoints/2026-11-02/attn-only-2l-seed-17";
    const curve = { name, current: true, x: [0, 10, 100], y: [3, 2, 1] };
    const { element } = plotOverTraining([curve, { ...curve, name: "b", current: false }], {
      width: 400,
      type: "log",
    });
    const titles = [...element.querySelectorAll("text > title")].map((title) => title.textContent);
    expect(titles).toEqual([name]);
    const path = { name, current: true, points: [0, 1].map((x) => ({ x, y: x, inside: false })) };
    const plane = plotPaths([path, { ...path, name: "b", current: false }], ["", ""], 400);
    const names = [...plane.element.querySelectorAll("text[paint-order]")].slice(-2);
    expect(names.map((text) => text.querySelector("title")?.textContent)).toEqual([name, undefined]);
    const [above, below] = names.map((text) => Number(text.getAttribute("y")));
    expect((below ?? 0) - (above ?? 0)).toBe(13);
  });

  it("stay off the ring around the shown checkpoint", () => {
    const points = [0, 1].map((x) => ({ x, y: x, inside: false }));
    const plane = plotPaths([{ name: "run", current: true, points }], ["", ""], 400);
    const name = [...plane.element.querySelectorAll("text[paint-order]")].at(-1);
    const RING = 8;
    expect(Math.abs((plane.current[1]?.[0] ?? 0) - Number(name?.getAttribute("x")))).toBeGreaterThan(RING);
  });
});
