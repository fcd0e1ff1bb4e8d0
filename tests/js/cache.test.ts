import { describe, expect, it } from "vitest";
import { CheckpointCache } from "../../js/src/kernel/cache";

const anything = () => true;
const nothing = () => false;

describe("an answer of which more is on its way", () => {
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

describe("what is kept", () => {
  const kept = (cache: CheckpointCache<number>, ...subjects: string[]) =>
    subjects.filter((subject) => cache.get(subject, 0) !== undefined);

  it("is nothing of what was never asked for", () => {
    const cache = new CheckpointCache<number>(() => 1);
    expect([cache.get("a", 0), cache.whole("a", 0), cache.missing("a", [0])]).toEqual([
      undefined,
      undefined,
      [0],
    ]);
  });

  it("is all of it as long as it fits, to the last byte", () => {
    const cache = new CheckpointCache<number>((size) => size, 10);
    cache.add("a", [[0, 4]], nothing);
    cache.add("b", [[0, 6]], nothing);
    expect(kept(cache, "a", "b")).toEqual(["a", "b"]);
    cache.add("c", [[0, 1]], nothing);
    expect(kept(cache, "a", "b", "c")).toEqual(["b", "c"]);
  });

  it("loses no more than it must, the oldest first", () => {
    const cache = new CheckpointCache<number>((size) => size, 10);
    for (const subject of ["a", "b", "c"]) cache.add(subject, [[0, 3]], nothing);
    cache.add("d", [[0, 4]], nothing);
    expect(kept(cache, "a", "b", "c", "d")).toEqual(["b", "c", "d"]);
    cache.add("e", [[0, 3]], nothing); // what went takes no room any more
    expect(kept(cache, "b", "c", "d", "e")).toEqual(["c", "d", "e"]);
  });

  it("loses nothing that is wanted, nor what has just come", () => {
    const cache = new CheckpointCache<number>((size) => size, 10);
    cache.add("a", [[0, 6]], nothing);
    cache.add("b", [[0, 4]], nothing);
    cache.add("c", [[0, 50]], (subject) => subject === "a");
    expect(kept(cache, "a", "b", "c")).toEqual(["a", "c"]);
  });

  it("is counted once, however often it comes", () => {
    const cache = new CheckpointCache<number>((size) => size, 10);
    cache.add("a", [[0, 4]], nothing, false);
    for (const whole of [false, false, true]) cache.add("b", [[0, 6]], nothing, whole);
    expect(kept(cache, "a", "b")).toEqual(["a", "b"]);
  });

  it("has a version that rises with every change", () => {
    const cache = new CheckpointCache<number>(() => 1);
    const versions = [cache.version.value];
    for (const subject of ["a", "a", "b"]) {
      cache.add(subject, [[0, 1]], anything);
      versions.push(cache.version.value);
    }
    expect(versions).toEqual([...new Set(versions)].sort((one, other) => one - other));
  });
});
