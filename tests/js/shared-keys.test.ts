// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { gridVector } from "../../js/src/chart/grid-drawing";
import { groupEnds, sharedText, sharingText } from "../../js/src/state/shared-keys";
import { freshPage, one, settle, show, TOKENS } from "./shown";

freshPage();

const SHAPE = { layers: 2, heads: 6, checkpoints: 2 };

function sharing(...key_heads: number[]) {
  return { ...seriesInfo("x", SHAPE), key_heads };
}

describe("heads that share keys and values", () => {
  it("say with which others", () => {
    expect(sharedText(sharing(2, 2), [1, 4])).toBe("shares its key and value with L1H3 and L1H5");
    expect(sharedText(sharing(3, 3), [0, 0])).toBe("shares its key and value with L0H1");
    expect(sharedText(sharing(1, 1), [0, 2])).toBe("shares its key and value with every head of its layer");
    const wide = { ...sharing(2, 2), heads: 16 };
    expect(sharedText(wide, [1, 9])).toBe("shares its key and value with the others from L1H8 to L1H15");
  });

  it("are counted once for all layers, or layer by layer", () => {
    expect(sharingText(sharing(2, 2))).toBe("2 groups of 3 heads share keys and values");
    expect(sharingText(sharing(1, 1))).toBe(
      "all 6 heads of a layer share one key and value (multi-query attention)",
    );
    expect(sharingText(sharing(2, 6))).toBe("2 groups of 3 heads share keys and values in layer 0");
    expect(sharingText(sharing(2, 3))).toBe(
      "2 groups of 3 heads share keys and values in layer 0; 3 groups of 2 heads share keys and values in layer 1",
    );
  });

  it("say nothing with plain attention, without any, or where it is not known", () => {
    for (const info of [sharing(6, 6), sharing(0, 0), sharing(), { ...sharing(0, 2), attending: [0] }]) {
      expect(sharingText(info)).toBe("");
      expect(sharedText(info, [1, 0])).toBe("");
      expect(groupEnds(info)).toEqual([]);
    }
  });

  it("have a rule between their groups, in a saved figure too", () => {
    expect(groupEnds(sharing(2, 3))).toEqual([2, 7, 9]);
    expect(groupEnds(sharing(1, 1))).toEqual([]);
    const layout = { layers: 2, heads: 6, width: 20, height: 10, overflows: false };
    const look = { scale: null, theme: "light", digits: 2, signed: false, ends: [2, 7] } as const;
    const drawn = gridVector(layout, new Float32Array(12), look);
    expect(drawn).toContain('<rect x="59" y="0" width="1" height="10"');
    expect(drawn).toContain('<rect x="39" y="10" width="1" height="10"');
  });

  it("are said in the grid, of every cell, and of the head that is read", async () => {
    const { el } = await show(
      { ...traits(SHAPE, TOKENS), _series: [sharing(2, 2)], heads: [[1, 4]] },
      fakeKernel(SHAPE, 3),
    );
    await settle();
    const cell = one(el, "[aria-label^='L0H0 ']");
    expect(cell.getAttribute("aria-description")).toContain("shares its key and value with L0H1 and L0H2");
    expect(one(el, ".ie-shared-keys").textContent).toBe(
      "2 groups of 3 heads share keys and values. L1H4 shares its key and value with L1H3 and L1H5.",
    );
  });

  it("are not spoken of otherwise", async () => {
    const { el } = await show({}, fakeKernel(SHAPE, 3));
    expect(el.querySelector(".ie-shared-keys")).toBeNull();
  });
});
