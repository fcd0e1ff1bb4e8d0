import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import { CheckpointCache } from "../../js/src/kernel/cache";
import { Fetcher, type Want } from "../../js/src/kernel/fetcher";
import { Requests } from "../../js/src/kernel/requests";

let abort: AbortController;
let fake: FakeModel;
let fetcher: Fetcher<string>;

beforeEach(() => {
  fake = new FakeModel(traits({ layers: 2, heads: 3, checkpoints: 5 }));
  abort = new AbortController();
  const requests = new Requests(fake.model, signal(false), abort.signal);
  fetcher = new Fetcher(requests, new CheckpointCache<string>((value) => value.length, 10));
});
afterEach(() => abort.abort());

/** Whose values are its own name. */
function want(subject: string, checkpoints: number[], more: Partial<Want<string>> = {}): Want<string> {
  return {
    ...{ subject, lane: subject, checkpoints },
    question: (asked) => ({ kind: "wiring", series: 0, head: [0, 0], checkpoints: asked }),
    decode: ({ body }) => (body.checkpoints as number[]).map((checkpoint) => [checkpoint, subject]),
    ...more,
  };
}

const asked = () =>
  fake.sent.filter((request) => request.kind === "wiring") as { id: string; checkpoints: number[] }[];

async function answer(request: { id: string } | undefined, checkpoints: number[], done = true) {
  fake.reply({ id: request?.id ?? "", chunk: 0, chunks: 0, done, body: { checkpoints } }, []);
  await Promise.resolve();
}

async function fail(request: { id: string } | undefined) {
  fake.reply({ id: request?.id ?? "", error: { message: "The disk is full.", hint: "" } });
  await new Promise((done) => setTimeout(done));
}

describe("what is kept", () => {
  it("is never dropped for something else while it is wanted", async () => {
    const [first, second] = [want("first", [0, 1]), want("other", [0])];
    fetcher.update([first]);
    await answer(asked()[0], [0, 1]);
    fetcher.update([first, second]);
    await answer(asked()[1], [0]);
    expect(fetcher.cache.get("first", 1)).toBe("first");
    expect(fetcher.cache.get("other", 0)).toBe("other");
  });

  it("is dropped for something else when nobody wants it", async () => {
    fetcher.update([want("first", [0, 1])]);
    await answer(asked()[0], [0, 1]);
    fetcher.update([want("other", [0])]);
    await answer(asked()[1], [0]);
    expect(fetcher.cache.get("first", 1)).toBeUndefined();
    expect(fetcher.cache.get("other", 0)).toBe("other");
  });
});

describe("what failed", () => {
  it("is not asked for again before the reader tries again", async () => {
    const wants = [want("one", [2, 3, 4])];
    fetcher.update(wants);
    await answer(asked()[0], [3], false);
    await fail(asked()[0]);
    expect([2, 3, 4].map((at) => fetcher.failure("one", at)?.message)).toEqual([
      ...["The disk is full.", undefined, "The disk is full."],
    ]);
    fetcher.update(wants);
    expect(asked()).toHaveLength(1);
    fetcher.tryAgain();
    expect(fetcher.failure("one", 2)).toBeNull();
    fetcher.update(wants);
    expect(asked().at(-1)?.checkpoints).toEqual([2, 4]);
  });

  it("on one lane says nothing of another to the same values", async () => {
    const [all, here] = [want("one", [0, 1, 2], { lane: "all" }), want("one", [0])];
    fetcher.update([all, here]);
    await fail(asked()[0]);
    expect(fetcher.failure("all", 0)).not.toBeNull();
    expect(fetcher.failure("one", 0)).toBeNull();
    await answer(asked()[1], [0]);
    expect(fetcher.cache.get("one", 0)).toBe("one");
  });
});

describe("a request", () => {
  it("runs beside another that brings the same, and is stopped alone", () => {
    const [all, here] = [want("one", [0, 1, 2], { lane: "all" }), want("one", [0])];
    fetcher.update([all, here]);
    expect(asked().map(({ checkpoints }) => checkpoints)).toEqual([[0, 1, 2], [0]]);
    fetcher.update([here]);
    const cancelled = fake.sent.filter(({ kind }) => kind === "cancel");
    expect(cancelled.map(({ id }) => id)).toEqual([asked()[0]?.id]);
  });

  it("goes on when fewer are wanted, and another takes its place when more are", () => {
    fetcher.update([want("one", [0, 1, 2])]);
    fetcher.update([want("one", [1])]);
    expect(fake.sent).toHaveLength(1);
    fetcher.update([want("one", [1, 3])]);
    expect(asked().at(-1)?.checkpoints).toEqual([1, 3]);
    expect(fake.sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id)).toEqual([asked()[0]?.id]);
  });

  it("that the reader insists on is another, and so is the one after", () => {
    fetcher.update([want("one", [0])]);
    fetcher.update([want("one", [0], { anyway: true })]);
    fetcher.update([want("one", [0], { anyway: true })]);
    expect(asked()).toHaveLength(2);
    fetcher.update([want("one", [0])]);
    expect(asked()).toHaveLength(3);
  });
});
