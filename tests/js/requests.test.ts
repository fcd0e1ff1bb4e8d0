import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeModel } from "../../js/dev/fake-model";
import type { Reply } from "../../js/src/model";
import { type Part, RequestError, Requests } from "../../js/src/requests";

const PATTERNS = { kind: "patterns", series: 0, generation: 1, head: [0, 1], checkpoints: [0, 1] } as const;
const QUESTION = { ...PATTERNS, head: [...PATTERNS.head] as [number, number], checkpoints: [0, 1] };

let fake: FakeModel;
let abort: AbortController;
let requests: Requests;

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeModel({} as never);
  abort = new AbortController();
  requests = new Requests(fake.model, abort.signal, 1000);
});
afterEach(() => vi.useRealTimers());

const lastId = () => fake.sent.at(-1)?.id ?? "";
const ask = (lane = "lane") => {
  const parts: Part[] = [];
  const answer = requests.send(QUESTION, lane, (part) => parts.push(part));
  return { parts, answer, id: lastId() };
};
const chunk = (id: string, rest: Partial<Extract<Reply, { chunk: number }>>, bytes: number[] = []) =>
  fake.reply({ id, chunk: 0, chunks: 1, done: false, ...rest }, [
    new DataView(Uint8Array.from([0xee, ...bytes, 0xee]).buffer, 1, bytes.length),
  ]);
const array = (length: number) => [{ name: "patterns", dtype: "uint8" as const, shape: [length] }];

describe("replies", () => {
  it("puts chunks together and hands over one part after the other", async () => {
    const { parts, answer, id } = ask();
    chunk(id, { chunk: 0, chunks: 2, body: { checkpoints: [0] }, arrays: array(5) }, [1, 2, 3]);
    expect(parts).toHaveLength(0);
    chunk(id, { chunk: 1, chunks: 2 }, [4, 5]);
    chunk(id, { chunk: 0, chunks: 1, done: true, body: { checkpoints: [1] }, arrays: array(2) }, [6, 7]);
    await expect(answer.finished).resolves.toBe("done");
    expect(parts.map(({ body }) => body)).toEqual([{ checkpoints: [0] }, { checkpoints: [1] }]);
    expect(parts.map(({ arrays }) => [...(arrays.get("patterns")?.values ?? [])])).toEqual([
      [1, 2, 3, 4, 5],
      [6, 7],
    ]);
  });

  it("accepts a reply without bytes", async () => {
    const { parts, answer, id } = ask();
    fake.reply({ id, chunk: 0, chunks: 0, done: true, body: { ok: 1 } });
    await expect(answer.finished).resolves.toBe("done");
    expect(parts[0]?.body).toEqual({ ok: 1 });
  });

  it("keeps two requests apart", () => {
    const [one, two] = [ask("one"), ask("two")];
    chunk(one.id, { chunk: 0, chunks: 2, body: {}, arrays: array(2) }, [1]);
    chunk(two.id, { body: {}, arrays: array(1) }, [9]);
    chunk(one.id, { chunk: 1, chunks: 2 }, [2]);
    expect([...(one.parts[0]?.arrays.get("patterns")?.values ?? [])]).toEqual([1, 2]);
    expect([...(two.parts[0]?.arrays.get("patterns")?.values ?? [])]).toEqual([9]);
  });

  it("rejects with the kernel's message and hint", async () => {
    const { answer, id } = ask();
    fake.reply({ id, error: { message: "too long", hint: "shorten it" } });
    await expect(answer.finished).rejects.toMatchObject({ message: "too long", hint: "shorten it" });
    await expect(answer.finished).rejects.toBeInstanceOf(RequestError);
  });

  it("rejects with the error of a kernel that could not take the request", async () => {
    const { answer } = ask();
    fake.callbacks?.shell.reply({ content: { status: "ok" } });
    fake.callbacks?.shell.reply({
      content: { status: "error", ename: "UnknownSubshellError", evalue: "Unknown subshell_id 'x'" },
    });
    await expect(answer.finished).rejects.toThrow(
      "The kernel cannot take requests: UnknownSubshellError: Unknown subshell_id 'x'.",
    );
  });

  it("rejects a reply whose chunk is missing, or whose bytes do not fit", async () => {
    const missing = ask("a");
    chunk(missing.id, { chunk: 1, chunks: 2 }, [1]);
    await expect(missing.answer.finished).rejects.toThrow("chunk 1 out of order");
    const short = ask("b");
    chunk(short.id, { body: {}, arrays: array(4) }, [1]);
    await expect(short.answer.finished).rejects.toThrow("needs 4 bytes");
  });

  it("ignores replies to nobody", () => {
    expect(() => chunk("unknown", { body: {} }, [1])).not.toThrow();
  });
});

describe("latest wins", () => {
  it("cancels the older request of a lane and drops its late reply", async () => {
    const old = ask();
    const recent = ask();
    expect(fake.sent.map(({ kind }) => kind)).toEqual(["patterns", "cancel", "patterns"]);
    expect(fake.sent[1]?.id).toBe(old.id);
    await expect(old.answer.finished).resolves.toBe("cancelled");
    chunk(old.id, { done: true, body: {}, arrays: array(1) }, [1]);
    chunk(recent.id, { done: true, body: {}, arrays: array(1) }, [2]);
    expect(old.parts).toHaveLength(0);
    expect(recent.parts).toHaveLength(1);
  });

  it("sends no cancel for a request that is over", () => {
    const { answer, id } = ask();
    fake.reply({ id, chunk: 0, chunks: 0, done: true, body: {} });
    answer.cancel();
    expect(fake.sent.map(({ kind }) => kind)).toEqual(["patterns"]);
  });

  it("gives every request an id of its own", () => {
    expect(ask("a").id).not.toBe(ask("b").id);
  });
});

describe("silence", () => {
  it("is said when nothing was heard, and taken back at the next word", () => {
    const { id } = ask();
    vi.advanceTimersByTime(999);
    expect(requests.silent.value).toBe(false);
    vi.advanceTimersByTime(1);
    expect(requests.silent.value).toBe(true);
    chunk(id, { body: {}, arrays: array(1) }, [1]);
    expect(requests.silent.value).toBe(false);
  });

  it("is put off by any sign of life", () => {
    ask();
    vi.advanceTimersByTime(900);
    requests.heard();
    vi.advanceTimersByTime(900);
    expect(requests.silent.value).toBe(false);
  });

  it("does not exist while nothing is asked", () => {
    const { id } = ask();
    fake.reply({ id, chunk: 0, chunks: 0, done: true, body: {} });
    vi.advanceTimersByTime(5000);
    expect(requests.silent.value).toBe(false);
  });

  it("becomes an error at once when the comm throws", async () => {
    fake.kernel = () => {
      throw new Error("Cannot send: kernel is dead");
    };
    await expect(ask().answer.finished).rejects.toThrow("The kernel is gone");
  });

  it("ends with the model", () => {
    ask();
    abort.abort();
    expect(fake.listenerCount).toBe(0);
    vi.advanceTimersByTime(5000);
    expect(requests.silent.value).toBe(false);
  });
});
