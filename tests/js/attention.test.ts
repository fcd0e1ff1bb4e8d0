// @vitest-environment happy-dom
/** Numbers of attention: as they were computed wherever the kernel says so, and always of what is named. */
import { describe, expect, it, vi } from "vitest";
import { promptInfo } from "../../js/dev/data";
import { attention, fakeKernel, pattern } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { Head } from "../../js/src/contract.gen";
import { triangleIndex } from "../../js/src/kernel/arrays";
import { blockOf } from "../../js/src/state/attention";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

describe("blocks of rows", () => {
  it.each([1, 6, 64, 511, 512, 513, 2000, 4096])("hold every query of %i once, and few cells", (tokens) => {
    for (let query = 0, block = blockOf(0, tokens); query < tokens; query++) {
      const now = blockOf(query, tokens);
      if (now.first !== block.first) expect(now.first).toBe(block.last + 1);
      block = now;
      expect(query).toBeGreaterThanOrEqual(block.first);
      expect(query).toBeLessThanOrEqual(block.last);
      expect(block.last).toBeLessThan(tokens);
      expect(triangleIndex(block.last, 0) - triangleIndex(block.first, 0)).toBeLessThan(2 ** 17);
    }
  });
});

const over = (el: Element, token: number) =>
  one(el, `[aria-label=Tokens] [role=option]:nth-child(${token + 1})`).dispatchEvent(
    new PointerEvent("pointerover", { bubbles: true }),
  );
const exactly = (el: Element) => one(el, ".ie-exactly").textContent;

/** The most that a query pays, by the fake kernel's own numbers. */
function most(head: Head, checkpoint: number, query: number, tokens = TOKENS): string {
  const all = attention(SHAPE, checkpoint, ...head, tokens.length, 3);
  const row = all.subarray(triangleIndex(query, 0), triangleIndex(query + 1, 0));
  return `exactly ${Math.max(...row).toFixed(3)}`;
}

/** What is asked, but not of whom. */
const asked = (fake: FakeModel) => fake.sent.filter(({ kind }) => kind === "attention");

describe("the number under the pointer", () => {
  it("is asked for once the pointer rests, after what is shown; the token held at first is not", async () => {
    const { fake, el } = await show();
    expect(asked(fake)).toEqual([]);
    expect(exactly(el)).toBe("");
    over(el, 4);
    await vi.advanceTimersByTimeAsync(20);
    over(el, 5);
    await vi.advanceTimersByTimeAsync(20);
    expect(asked(fake)).toEqual([]);
    await settle();
    expect(asked(fake)).toMatchObject([{ head: [1, 1], first: 0, last: 5, checkpoints: [25], beside: true }]);
    expect(exactly(el)).toBe(most([1, 1], 25, 5));
    over(el, 2);
    await settle();
    expect(asked(fake)).toHaveLength(1);
    expect(exactly(el)).toBe(most([1, 1], 25, 2));
  });

  it("is never another checkpoint's, head's or prompt's", async () => {
    const { fake, el } = await show({ checkpoint: 9, heads: [[0, 1]] });
    over(el, 4);
    let now: [Head, number, string[]] = [[0, 1], 9, TOKENS];
    const right = async () => {
      let come = false;
      for (let wait = 0; wait < 60; wait++) {
        await vi.advanceTimersByTimeAsync(20);
        const said = exactly(el);
        if (said === "") continue;
        expect(said).toBe(most(now[0], now[1], 4, now[2]));
        come = true;
      }
      expect(come).toBe(true);
    };
    await right();
    for (const checkpoint of [10, 25, 9]) {
      fake.receive({ checkpoint });
      now = [now[0], checkpoint, now[2]];
      await vi.advanceTimersByTimeAsync(20); // the frame in which it is drawn
      await right();
    }
    fake.receive({ heads: [[1, 3]] });
    now = [[1, 3], 9, TOKENS];
    await settle();
    over(el, 4);
    await right();
    const longer = [...TOKENS, " C", " A"];
    fake.receive({ _prompts: [{ ...promptInfo(longer), generation: 2 }] });
    now = [[1, 3], 9, longer];
    await settle();
    over(el, 4);
    await right();
  });

  it("of two checkpoints says both, once both are there", async () => {
    const { fake, el } = await show({ compare: 13, heads: [[0, 1]] });
    over(el, 5);
    await settle();
    expect(asked(fake)).toMatchObject([{ checkpoints: [25, 13] }]);
    const all = (checkpoint: number) => attention(SHAPE, checkpoint, 0, 1, TOKENS.length, 3);
    const key = 4; // the token before
    const [before, now] = [13, 25].map((at) => (all(at)[triangleIndex(5, key)] ?? 0).toFixed(3));
    expect(exactly(el)).toBe(`exactly ${before} → ${now}`);
  });

  it("decides which key gets most where two are drawn alike", async () => {
    const even = fakeKernel(SHAPE, 3);
    const { el } = await show({}, (request, model) => {
      if (request.kind !== "attention" && request.kind !== "patterns") return even(request, model);
      const cells = triangleIndex(TOKENS.length, 0);
      const values = Float32Array.from({ length: cells }, (_, cell) => 0.5 + (cell === 12 ? 1e-4 : 0));
      const drawn = Uint8Array.from(values, (value) => Math.round(255 * value));
      const { checkpoints, id, generation } = request;
      const of = request.kind === "patterns" ? drawn : values;
      const bytes = new Uint8Array(of.buffer);
      const data = Uint8Array.from(checkpoints.flatMap(() => [...bytes]));
      const arrays = [
        request.kind === "patterns"
          ? { name: "patterns", dtype: "uint8" as const, shape: [checkpoints.length, cells] }
          : { name: "attention", dtype: "float32" as const, shape: [checkpoints.length, cells] },
      ];
      const body = { generation, checkpoints };
      setTimeout(
        () => model.reply({ id, chunk: 0, chunks: 1, done: true, body, arrays }, [new DataView(data.buffer)]),
        60,
      );
    });
    over(el, 4);
    await vi.advanceTimersByTimeAsync(20);
    expect(one(el, "[role=status]").textContent).toContain("attends 0.50 to key 0 ");
    await settle();
    expect(one(el, "[role=status]").textContent).toContain("attends 0.50 to key 2 ");
    expect(exactly(el)).toBe("exactly 0.500");
  });
});

describe("a saved pattern", () => {
  const attentions = (file: { text: string }) =>
    rowsOf({ name: "", type: "", ...file })
      .slice(1)
      .map((row) => Number(row.at(-1)));
  const drawn = (checkpoint: number, head: Head) =>
    Array.from(pattern(SHAPE, checkpoint, ...head, TOKENS.length, 3), (n) => Number((n / 255).toFixed(3)));

  it("has the numbers as they were computed, of every head", async () => {
    const { el } = await show({
      checkpoint: 9,
      heads: [
        [1, 3],
        [0, 2],
      ],
    });
    const file = await saved(el, "Attention patterns", "CSV");
    const expected = [...attention(SHAPE, 9, 1, 3, 6, 3), ...attention(SHAPE, 9, 0, 2, 6, 3)];
    expect(Float32Array.from(attentions(file))).toEqual(Float32Array.from(expected));
    expect(file.text).toContain("float32, as it was computed");
    expect(file.text).not.toContain("1/255");
  });

  it("has those of the picture, and says so, where the kernel fails or is gone", async () => {
    const kernel = fakeKernel(SHAPE, 3);
    const error = { message: "It failed.", hint: "" };
    const { el } = await show({ checkpoint: 9 }, (request, model) =>
      request.kind === "attention"
        ? setTimeout(() => model.reply({ id: request.id, error }), 60)
        : kernel(request, model),
    );
    const file = await saved(el, "Attention patterns", "CSV");
    expect(attentions(file)).toEqual(drawn(9, [1, 1]));
    expect(file.text).toContain("a multiple of 1/255 in three decimals: 0.002 more or less");
  });

  it("is of what was shown when it was asked for", async () => {
    const { el, fake } = await show({ checkpoint: 9 });
    const [kernel, waiting] = [fake.kernel, () => el.querySelector(".ie-save [aria-live]")?.textContent];
    let said: string | null | undefined;
    fake.kernel = (request, model) => {
      kernel?.(request, model);
      if (request.kind !== "attention") return;
      setTimeout(() => {
        said = waiting();
        fake.receive({ checkpoint: 25, heads: [[0, 0]] }); // the hand moves on before the answer comes
      }, 30);
    };
    const { text } = await saved(el, "Attention patterns", "CSV");
    expect([said, waiting()]).toEqual(["asking the kernel …", undefined]);
    expect(Float32Array.from(attentions({ text }))).toEqual(attention(SHAPE, 9, 1, 1, 6, 3));
    expect(text).toContain(`step ${fake.get("_series")[0]?.steps[9]}`);
  });
});
