// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { fitted, type Placed, placeNames, roomFor, spread } from "../../js/src/chart/labels";
import { plotAlong } from "../../js/src/chart/plot";

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
      const x = y.map((_, i) => i);
      const curve = { name: "run", color: "#000", bold: true, x, y };
      const { element } = plotAlong([curve], { width: 400, type: "linear", at: x });
      const marks = [...element.querySelectorAll('[data-mark="y-axis tick label"] text')];
      expect(marks.length).toBeGreaterThan(1);
      for (const mark of marks) expect(mark.textContent?.length).toBeLessThanOrEqual(6);
    },
  );
});

describe("the names of heads", () => {
  it.each(["L1H3", "L125H127"])("have room beside the curves: %s", (name) => {
    const x = [0, 1];
    const crowd = { x, values: new Float32Array(2), count: 1 };
    const chart = plotAlong([], { width: 600, type: "log", at: x, crowd, room: [name] });
    expect(fitted(name, chart.width - chart.right - 7)).toBe(name);
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

  const box = { left: 0, right: 400, top: 0, bottom: 200 };
  const label = (name: string, x: number, y: number) => ({ name, x, y, color: "#000", bold: false });
  /** Where it is seen, as far as it can be known where nothing is laid out. */
  const seen = ({ x, y, anchor, text }: Placed) => {
    const wide = roomFor(text) - roomFor("");
    const left = anchor === "start" ? x : x - wide;
    return { left, right: left + wide, top: y - 6, bottom: y + 6 };
  };

  it("of curves that end together stand in a column, cut to their room", () => {
    const name = "checkpoints/2026-11-02/attn-only-2l-seed-17";
    const placed = placeNames([label(name, 320, 200), label("b", 320, 199)], box);
    expect(placed.map(({ x, y }) => [x, y])).toEqual([
      [327, 200],
      [327, 187],
    ]);
    expect(placed.map(({ text }) => text === name)).toEqual([false, false]);
    expect(placed[0]?.text).toMatch(/^chec.*….*17$/);
    for (const one of placed) expect(seen(one).right).toBeLessThanOrEqual(400);
  });

  it("of dots, wherever they are, neither lie on each other nor stick out", () => {
    const random = numbers();
    for (let trial = 0; trial < 200; trial++) {
      const count = 2 + Math.floor(random.next().value * 7);
      const spots = Array.from({ length: count }, (_, i) => {
        const [x, y] = [random.next().value, random.next().value].map((share) => share ** 3);
        return label(`L${i}H${count}`, 400 * (x ?? 0), 200 * (y ?? 0));
      });
      const boxes = placeNames(spots, box, 8).map(seen);
      for (const [i, a] of boxes.entries()) {
        expect([a.left > -1, a.right < 401]).toEqual([true, true]);
        for (const b of boxes.slice(0, i)) {
          const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
          expect(apart, JSON.stringify([a, b])).toBe(true);
        }
      }
    }
  });

  it("are written over as few dots as can be", () => {
    const dots = [-10, 0, 10].map((down) => [115, 50 + down] as const);
    const [beside] = placeNames([label("start", 100, 50)], box, 8, dots);
    const [free] = placeNames([label("start", 100, 50)], box, 8, [[300, 50]]);
    expect([beside?.anchor, beside?.y, free?.anchor, free?.y]).toEqual(["end", 50, "start", 50]);
  });

  it("stay where they are while they have room there, off what they name", () => {
    const placed = placeNames([label("a", 100, 50), label("b", 300, 150)], box, 13);
    expect(placed.map(({ x, y, anchor }) => [x, y, anchor])).toEqual([
      [113, 50, "start"],
      [287, 150, "end"],
    ]);
  });
});
