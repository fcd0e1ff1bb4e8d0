// @vitest-environment happy-dom
/** Attention times the size of what it moves: shown, said and saved as what it is. */
import { describe, expect, it } from "vitest";
import { weighed } from "../../js/dev/fake-kernel";
import type { Head } from "../../js/src/contract.gen";
import { triangleIndex } from "../../js/src/kernel/arrays";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

const HEAD: Head = [1, 1];
const SHOW = "select[aria-label='Patterns show']";
const of = (by: "value" | "output", checkpoint = 25) =>
  Array.from(weighed(SHAPE, checkpoint, { head: HEAD, by }, TOKENS.length, 3), (cell) => cell / 255);

const over = (el: Element, token: number) =>
  one(el, `[aria-label=Tokens] [role=option]:nth-child(${token + 1})`).dispatchEvent(
    new PointerEvent("pointerover", { bubbles: true }),
  );
function choose(el: Element, selector: string, value: string): void {
  const select = one(el, selector) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}
const status = (el: Element) => one(el, ".ie-attended [role=status]").textContent ?? "";

describe("attention times the size of what it moves", () => {
  it("is asked for only when it is chosen, and is part of the view", async () => {
    const { el, fake } = await show({ heads: [HEAD] });
    const kinds = () => new Set(fake.sent.map(({ kind }) => kind));
    expect(kinds()).not.toContain("weighed");
    choose(el, SHOW, "value");
    await settle();
    expect(fake.sent.filter(({ kind }) => kind === "weighed")).toMatchObject([{ head: HEAD, by: "value" }]);
    expect(fake.get("_view").attention_of).toBe("value");
  });

  it("says of a number what it is, and no exact one", async () => {
    const { el, fake } = await show({ heads: [HEAD], _view: { attention_of: "output" } });
    over(el, 5);
    await settle();
    const row = of("output").slice(triangleIndex(5, 0), triangleIndex(6, 0));
    expect(status(el)).toContain(`attends ${Math.max(...row).toFixed(2)} (× ‖output‖) to key`);
    expect(one(el, ".ie-exactly").textContent).toBe("");
    expect(fake.sent.filter(({ kind }) => kind === "attention")).toEqual([]);
    choose(el, SHOW, "attention");
    await settle();
    over(el, 4);
    await settle();
    expect(status(el)).not.toContain("×");
    expect(one(el, ".ie-exactly").textContent).toContain("exactly");
  });

  it("is saved under its own name with its formula", async () => {
    const { el } = await show({ heads: [HEAD], _view: { attention_of: "value" } });
    const file = await saved(el, "Attention patterns", "CSV");
    const [columns, ...rows] = rowsOf(file);
    expect(columns?.at(-1)).toBe("attention_by_value");
    expect(rows.map((row) => Number(row.at(-1)))).toEqual(of("value").map((a) => Number(a.toFixed(3))));
    expect(file.text).toContain("Attention × ‖value‖, A[q, k] · ‖v_k‖ / max over k of ‖v_k‖, is a multiple");
    const plain = await saved((await show({ heads: [HEAD] })).el, "Attention patterns", "CSV");
    expect(plain.text).not.toContain("‖");
  });

  it("says why, where the kernel cannot weigh it", async () => {
    const message = "Attention of small cannot be weighed by its values.";
    const { el } = await show({ heads: [HEAD], _view: { attention_of: "value" } }, (request, model) =>
      model.reply({ id: request.id, error: { message, hint: "" } }),
    );
    expect(one(el, ".ie-patterns [role=alert]").textContent).toContain(message);
  });
});
