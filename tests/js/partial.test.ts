import { describe, expect, it } from "vitest";
import { CheckpointCache } from "../../js/src/kernel/cache";

describe("an answer of which more is on its way", () => {
  const anything = () => true;

  it("is there to be drawn, and still missing until the rest has come", () => {
    const cache = new CheckpointCache<number>(() => 1);
    cache.add("wiring", [[3, 0.5]], anything, false);
    expect(cache.get("wiring", 3)).toBe(0.5);
    expect(cache.whole("wiring", 3)).toBeUndefined();
    expect(cache.missing("wiring", [3, 4])).toEqual([3, 4]);
    cache.add("wiring", [[3, 1]], anything);
    expect(cache.get("wiring", 3)).toBe(1);
    expect(cache.whole("wiring", 3)).toBe(1);
    expect(cache.missing("wiring", [3, 4])).toEqual([4]);
  });
});
