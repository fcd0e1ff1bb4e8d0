// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel, Request } from "../../js/src/kernel/model";
import { HostKernel } from "./host-kernel";
import { freshPage, one, SHAPE, settle, show } from "./shown";

freshPage();

const PROMPTS: ExplorerModel["prompts"] = [
  ["A B A", " B"],
  ["the cat sat on the cat", ""],
  [`long ${"word ".repeat(60)}`, " x"],
];
const FIRST = { prompts: PROMPTS, prompt: "A B A", answer: " B" };

const flipper = (el: Element) => one(el, "[role=group][aria-label='Several prompts']");
const button = (el: Element, which: "Previous" | "Next") => one(el, `[aria-label='${which} prompt']`);
const field = (el: Element) => one(el, "textarea[aria-label=Prompt]") as HTMLTextAreaElement;
const said = (el: Element) => one(flipper(el), ".ie-note").textContent;
const asked = (fake: FakeModel, kind: Request["kind"]) => fake.sent.filter((one) => one.kind === kind);
const run = (fake: FakeModel) => (asked(fake, "prompt") as { text: string }[]).map(({ text }) => text);
const type = (el: Element, text: string) => {
  field(el).value = text;
  field(el).dispatchEvent(new Event("input", { bubbles: true }));
};

describe("with one prompt", () => {
  it.each([[[]], [[PROMPTS[0]]]])("nothing is there to flip", async (prompts) => {
    const { el } = await show({ ...FIRST, prompts: prompts as ExplorerModel["prompts"] });
    expect(el.querySelector(".ie-flipper")).toBeNull();
  });
});

describe("with several prompts", () => {
  it("the list has each in one line with its answer, long ones cut, and says which is shown", async () => {
    const { el } = await show(FIRST);
    expect(said(el)).toBe("prompt 1 of 3");
    const options = [...flipper(el).querySelectorAll("option")].map((one) => one.textContent ?? "");
    expect(options.slice(0, 2)).toEqual(["A B A → B", "the cat sat on the cat"]);
    expect(options[2]?.length).toBeLessThan(110);
    expect(button(el, "Previous").getAttribute("aria-disabled")).toBe("true");
    expect(button(el, "Next").getAttribute("aria-disabled")).toBe("false");
  });

  it("the next one is shown with its answer, and the end is the end", async () => {
    const { fake, el } = await show(FIRST);
    button(el, "Next").click();
    await settle();
    expect([said(el), field(el).value, fake.get("answer")]).toEqual(["prompt 2 of 3", PROMPTS[1]?.[0], ""]);
    button(el, "Next").click();
    await settle();
    button(el, "Next").click();
    await settle();
    expect(run(fake)).toEqual([PROMPTS[1]?.[0], PROMPTS[2]?.[0]]);
    expect(button(el, "Next").getAttribute("aria-disabled")).toBe("true");
  });

  it("each press counts, however quickly they follow", async () => {
    const { fake, el } = await show(FIRST);
    button(el, "Next").click();
    button(el, "Next").click();
    await settle();
    expect(run(fake).at(-1)).toBe(PROMPTS[2]?.[0]);
    expect(said(el)).toBe("prompt 3 of 3");
  });

  it("any is chosen from the list, which says the shown one until it comes", async () => {
    const { fake, el } = await show(FIRST);
    const list = one(el, "select[aria-label=Prompts]") as HTMLSelectElement;
    list.value = "1";
    list.dispatchEvent(new Event("change", { bubbles: true }));
    expect(list.value).toBe("0");
    await settle();
    expect([list.value, fake.get("prompt")]).toEqual(["1", PROMPTS[1]?.[0]]);
  });

  it("going back asks for nothing that was answered", async () => {
    const { fake, el } = await show(FIRST);
    button(el, "Next").click();
    await settle();
    const before = fake.sent.length;
    button(el, "Previous").click();
    await settle();
    expect(fake.sent.slice(before).map(({ kind }) => kind)).toEqual(["prompt"]);
    expect(one(el, "[role=img][aria-label^='Attention pattern']")).toBeTruthy();
  });

  it("an answer that comes late is of its own prompt, and never shown under another", async () => {
    const answering = fakeKernel(SHAPE, 3);
    const late: [Request, FakeModel][] = [];
    const kernel = (request: Request, model: FakeModel) => {
      if (request.kind === "predictions") late.push([request, model]);
      else answering(request, model);
    };
    const { fake, el } = await show(FIRST, kernel);
    const shown = () =>
      el.querySelector("table[aria-label='Next-token predictions'] tbody td")?.textContent ?? "";
    expect(shown()).toBe("computing …");
    button(el, "Next").click();
    await settle();
    const [first] = late;
    expect(first?.[0]).toMatchObject({ generation: 1 });
    if (first !== undefined) answering(...first);
    await settle();
    expect(fake.get("prompt")).toBe(PROMPTS[1]?.[0]);
    expect(shown()).toBe("computing …");
    const [second] = late.slice(1);
    if (second !== undefined) answering(...second);
    await settle();
    expect(shown()).not.toBe("computing …");
  });

  it("what was typed and not run stays with the prompt it was typed at", async () => {
    const { el } = await show(FIRST);
    type(el, "A B A x");
    button(el, "Next").click();
    await settle();
    expect(field(el).value).toBe(PROMPTS[1]?.[0]);
    button(el, "Previous").click();
    await settle();
    expect(field(el).value).toBe("A B A x");
  });

  it("an edit replaces the one that is shown, and keeps the others", async () => {
    const { fake, el } = await show(FIRST);
    type(el, "C D C");
    one(el, ".ie-run").click();
    await settle();
    expect(fake.get("prompts")).toEqual([["C D C", " B"], PROMPTS[1], PROMPTS[2]]);
    expect([said(el), field(el).value]).toEqual(["prompt 1 of 3", "C D C"]);
  });

  it("without a kernel the shown one stays, and it is said why", async () => {
    const host = new HostKernel();
    const { fake, el } = await show(FIRST, undefined, host);
    host.become({ connectionStatus: "disconnected", status: "dead" });
    await settle();
    button(el, "Next").click();
    expect(run(fake)).toEqual([]);
    expect(said(el)).toBe("prompt 1 of 3; others need the kernel");
    expect(button(el, "Next").getAttribute("aria-disabled")).toBe("true");
  });
});
