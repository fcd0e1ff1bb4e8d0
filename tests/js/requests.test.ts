import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeModel } from "../../js/dev/fake-model";
import { SINCE } from "../../js/src/kernel/connection";
import type { Reply } from "../../js/src/kernel/model";
import { type Part, RequestError, Requests } from "../../js/src/kernel/requests";

const PATTERNS = { kind: "patterns", series: 0, generation: 1, head: [0, 1], checkpoints: [0, 1] } as const;
const QUESTION = { ...PATTERNS, head: [...PATTERNS.head] as [number, number], checkpoints: [0, 1] };

/** 2,000 times a 7, as the kernel packs it. */
const SEVENS = new Uint8Array(2000).fill(7);
const deflated = new Blob([SEVENS]).stream().pipeThrough(new CompressionStream("deflate"));
const PACKED = [...new Uint8Array(await new Response(deflated).arrayBuffer())];

let fake: FakeModel;
let abort: AbortController;
let requests: Requests;

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeModel({} as never);
  abort = new AbortController();
  requests = new Requests(fake.model, signal(false), abort.signal);
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

  it("unpacks what is packed, and hands over no later part and no end before it", async () => {
    vi.useRealTimers();
    const { parts, answer, id } = ask();
    const half = PACKED.length >> 1;
    const head = { body: { part: 1 }, arrays: array(2000), packed: true };
    chunk(id, { chunk: 0, chunks: 2, ...head }, PACKED.slice(0, half));
    chunk(id, { chunk: 1, chunks: 2 }, PACKED.slice(half));
    chunk(id, { body: { part: 2 }, arrays: array(1) }, [9]);
    fake.reply({ id, error: { message: "too long", hint: "" } });
    expect(parts).toHaveLength(0);
    await expect(answer.finished).rejects.toThrow("too long");
    expect(parts.map(({ body }) => body)).toEqual([{ part: 1 }, { part: 2 }]);
    expect(parts[0]?.arrays.get("patterns")?.values).toEqual(SEVENS);

    const damaged = ask();
    chunk(damaged.id, { done: true, ...head }, PACKED.slice(0, half));
    await expect(damaged.answer.finished).rejects.toThrow("The kernel's answer cannot be read");
    expect(damaged.parts).toHaveLength(0);
  });

  it("drops what was being unpacked when its request was cancelled, and asks for none of it again", async () => {
    vi.useRealTimers();
    const head = { body: {}, arrays: array(2000), packed: true, done: true };
    const { parts, answer, id } = ask();
    chunk(id, head, PACKED);
    answer.cancel();
    await expect(answer.finished).resolves.toBe("cancelled");
    const next = ask();
    chunk(next.id, head, PACKED);
    await expect(next.answer.finished).resolves.toBe("done");
    expect([parts.length, next.parts.length]).toEqual([0, 1]);
  });

  it("hands over what nobody asked for where it is followed, part by part", () => {
    const parts: Part[] = [];
    requests.follow("curves", (part) => parts.push(part));
    for (const body of [{ part: 1 }, { part: 2 }]) {
      chunk("curves", { chunk: 0, chunks: 2, body, arrays: array(3) }, [1, 2]);
      chunk("curves", { chunk: 1, chunks: 2 }, [3]);
    }
    chunk("other", { body: { part: 3 }, arrays: array(1) }, [9]);
    expect(parts.map(({ body }) => body)).toEqual([{ part: 1 }, { part: 2 }]);
    expect(parts.map(({ arrays }) => [...(arrays.get("patterns")?.values ?? [])])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
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
    await expect(answer.finished).rejects.toHaveProperty("anyway", false);
    const long = ask();
    fake.reply({ id: long.id, error: { message: "too large", hint: "", anyway: true } });
    await expect(long.answer.finished).rejects.toHaveProperty("anyway", true);
  });

  it("rejects with the error of a kernel that could not take the request", async () => {
    const { answer } = ask();
    fake.callbacks?.shell.reply({ content: { status: "ok" } });
    fake.callbacks?.shell.reply({
      content: { status: "error", ename: "UnknownSubshellError", evalue: "Unknown subshell_id 'x'" },
    });
    await expect(answer.finished).rejects.toMatchObject({
      message: "The kernel cannot take requests: UnknownSubshellError: Unknown subshell_id 'x'.",
      hint: "Reload the page, or run the cell again.",
    });
  });

  it("rejects all that waits when the ping that asks after it is refused", async () => {
    const answers = [ask("one"), ask("two")].map(({ answer }) => answer);
    vi.advanceTimersByTime(SINCE.asked);
    expect(fake.sent.at(-1)?.kind).toBe("ping");
    fake.callbacks?.shell.reply({ content: { status: "error", ename: "UnknownSubshellError", evalue: "x" } });
    for (const { finished } of answers) await expect(finished).rejects.toThrow("cannot take requests");
  });

  it("rejects a reply whose chunk is missing, or whose bytes do not fit", async () => {
    const missing = ask("a");
    chunk(missing.id, { chunk: 1, chunks: 2 }, [1]);
    await expect(missing.answer.finished).rejects.toThrow("chunk 1 out of order");
    const short = ask("b");
    chunk(short.id, { body: {}, arrays: array(4) }, [1]);
    await expect(short.answer.finished).rejects.toThrow("needs 4 bytes");
    const empty = ask("c");
    fake.reply({ id: empty.id, chunk: 0, chunks: 2, done: false, body: {}, arrays: array(4) });
    await expect(empty.answer.finished).rejects.toThrow(
      "The kernel's answer cannot be read: chunk 0 has no data.",
    );
  });

  it("hands over nothing but whole parts, however chunks are doubled, lost and shuffled", () => {
    const [first, second] = [
      [1, 2, 3, 4, 5],
      [6, 7, 8],
    ];
    const sent = [
      { rest: { chunk: 0, chunks: 3, body: {}, arrays: array(5) }, bytes: [1, 2] },
      { rest: { chunk: 1, chunks: 3 }, bytes: [3, 4] },
      { rest: { chunk: 2, chunks: 3 }, bytes: [5] },
      { rest: { chunk: 0, chunks: 2, body: {}, arrays: array(3) }, bytes: [6, 7] },
      { rest: { chunk: 1, chunks: 2, done: true }, bytes: [8] },
    ];
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const seen = new Set<string>();
    for (let round = 0; round < 2000; round++) {
      const { parts, answer, id } = ask();
      answer.finished.catch(() => {}); // that it cannot be read is said
      const order = sent.map((_, i) => i);
      for (let fault = random(3); fault > 0; fault--) {
        const at = random(order.length);
        const what = random(3);
        if (what === 0) order.splice(at, 0, order[at] ?? 0);
        else if (what === 1) order.splice(at, 1);
        else order.splice(random(order.length), 0, ...order.splice(at, 1));
      }
      for (const i of order) if (sent[i]) chunk(id, sent[i].rest, sent[i].bytes);
      for (const { arrays } of parts) seen.add(String(arrays.get("patterns")?.values));
    }
    expect([...seen].sort()).toEqual([String(first), String(second)]);
  });

  it("ignores replies to nobody", () => {
    expect(() => chunk("unknown", { body: {} }, [1])).not.toThrow();
    for (const strange of [null, undefined, {}]) {
      expect(() => fake.reply(strange as unknown as Reply)).not.toThrow();
    }
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

describe("a kernel that is gone", () => {
  it("ends every request, and is noticed when the comm throws", async () => {
    const first = ask("first");
    fake.kernel = () => {
      throw new Error("Cannot send: kernel is dead");
    };
    const second = ask("second");
    await expect(first.answer.finished).resolves.toBe("gone");
    await expect(second.answer.finished).resolves.toBe("gone");
    expect(requests.connection.state.value).toBe("gone");
  });

  it("is asked nothing more", () => {
    ask();
    requests.connection.lose();
    vi.advanceTimersByTime(60_000);
    expect(fake.sent).toHaveLength(1);
  });

  it("ends with the model", () => {
    ask();
    abort.abort();
    expect(fake.listenerCount).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(fake.sent).toHaveLength(1);
  });
});

describe("a request that was lost", () => {
  /** The kernel says what it still works on. */
  const sign = (...waiting: string[]) => {
    vi.advanceTimersByTime(SINCE.asked);
    const ping = fake.sent.at(-1);
    expect(ping?.kind).toBe("ping");
    fake.reply({ id: ping?.id ?? "", chunk: 0, chunks: 0, done: true, body: { waiting } });
  };
  const asked = (id: string) => fake.sent.filter((sent) => sent.id === id);

  it("is asked once more, and then given up", async () => {
    const { id, answer } = ask();
    sign();
    expect(asked(id)).toEqual([asked(id)[0], asked(id)[0]]);
    sign();
    await expect(answer.finished).rejects.toThrow("The kernel's answer was lost");
    expect(asked(id)).toHaveLength(2);
  });

  it("may be answered at the second time", async () => {
    const { id, answer, parts } = ask();
    chunk(id, { chunk: 0, chunks: 2, body: {}, arrays: array(2) }, [1]);
    sign();
    chunk(id, { done: true, body: {}, arrays: array(1) }, [5]);
    await expect(answer.finished).resolves.toBe("done");
    expect([...(parts[0]?.arrays.get("patterns")?.values ?? [])]).toEqual([5]);
  });

  it("is not one that the kernel still works on, however long", () => {
    const { id } = ask();
    for (let i = 0; i < 20; i++) sign(id);
    expect(asked(id)).toHaveLength(1);
    expect(requests.connection.state.value).toBe("computing");
  });

  it("is not one whose answer is being unpacked", () => {
    const { id } = ask();
    chunk(id, { body: {}, arrays: array(2000), packed: true, done: true }, PACKED);
    sign();
    expect(asked(id)).toHaveLength(1);
  });

  it("is not one that was answered before the sign of life came", () => {
    const { id } = ask();
    vi.advanceTimersByTime(SINCE.asked);
    const ping = fake.sent.at(-1)?.id ?? "";
    fake.reply({ id, chunk: 0, chunks: 0, done: true, body: {} });
    const sent = fake.sent.length;
    expect(() =>
      fake.reply({ id: ping, chunk: 0, chunks: 0, done: true, body: { waiting: [] } }),
    ).not.toThrow();
    expect(fake.sent).toHaveLength(sent);
  });

  it("is not one where the kernel cannot say what it still works on", () => {
    const { id } = ask();
    vi.advanceTimersByTime(SINCE.asked);
    fake.reply({ id: fake.sent.at(-1)?.id ?? "", error: { message: "A bug.", hint: "" } });
    expect(asked(id)).toHaveLength(1);
  });

  it("is asked after once while the kernel is busy, and again and again while it is silent", () => {
    const pings = () => fake.sent.filter(({ kind }) => kind === "ping").length;
    ask();
    vi.advanceTimersByTime(SINCE.asked);
    expect(pings()).toBe(1);
    vi.advanceTimersByTime(20 * SINCE.asked);
    expect(requests.connection.state.value).toBe("silent");
    expect(pings()).toBeGreaterThan(2);
    requests.connection.host.value = "busy";
    const before = pings();
    vi.advanceTimersByTime(20 * SINCE.asked);
    expect(requests.connection.state.value).toBe("busy");
    expect(pings()).toBe(before);
  });

  it("is not one that was asked after the sign of life was", () => {
    ask("first");
    vi.advanceTimersByTime(SINCE.asked);
    const ping = fake.sent.at(-1)?.id ?? "";
    const late = ask("second");
    fake.reply({ id: ping, chunk: 0, chunks: 0, done: true, body: { waiting: [] } });
    expect(asked(late.id)).toHaveLength(1);
  });
});
