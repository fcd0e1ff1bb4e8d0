// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, SCORES, seriesInfo } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { ErrorInfo, Request } from "../../js/src/kernel/model";
import { HostKernel } from "./host-kernel";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

const REFUSED = { message: "Out of memory.", hint: "" };
const works = fakeKernel(SHAPE, 3);

/** Refuses what `refuses` says, and answers everything else. */
const kernelThat =
  (refuses: (request: Request) => boolean, error: ErrorInfo = REFUSED): NonNullable<FakeModel["kernel"]> =>
  (request, model) =>
    refuses(request) ? model.reply({ id: request.id, error }) : works(request, model);

const alerts = (el: Element) => [...el.querySelectorAll("[role=alert]")].map((a) => a.textContent ?? "");
const askedFor = (fake: FakeModel, kind: string) => fake.sent.filter((request) => request.kind === kind);

describe("a failure", () => {
  it("at one checkpoint is remembered when another fails", async () => {
    const heavy = [{ ...promptInfo(TOKENS, false) }];
    const { el, fake } = await show(
      { _prompts: heavy, checkpoint: 10 },
      kernelThat(({ kind }) => kind === "patterns"),
    );
    for (const checkpoint of [11, 10]) {
      fake.receive({ checkpoint });
      await settle();
    }
    expect(alerts(one(el, ".ie-patterns"))).toEqual([expect.stringContaining("Out of memory.")]);
    const ofTheHead = askedFor(fake, "patterns").filter(
      (request) => "head" in request && `${request.head}` === "1,1",
    );
    expect(ofTheHead).toHaveLength(2);
  });

  it("ends with the value that comes after all", async () => {
    let fails = true;
    const heavy = [{ ...promptInfo(TOKENS, false) }];
    const { el, fake } = await show(
      { _prompts: heavy, checkpoint: 10 },
      kernelThat(({ kind }) => fails && kind === "patterns"),
    );
    fails = false;
    one(el, ".ie-patterns [role=alert] button").click();
    await settle();
    fake.receive({ checkpoint: 11 });
    await settle();
    fake.receive({ checkpoint: 10 });
    await settle();
    expect(alerts(one(el, ".ie-patterns"))).toEqual([]);
  });

  it.each([
    ["patterns", ".ie-patterns"],
    ["rows", ".ie-notices"],
  ])("of %s is asked for once more when the way to the kernel is found again", async (failing, where) => {
    const host = new HostKernel();
    const kernel = kernelThat(({ kind }) => kind === failing);
    const large = { dtype: "float32" as const, shape: [SHAPE.checkpoints, 2, 4], data: null };
    const { el, fake } = await show({ _grids: { "0/induction": large } }, kernel, host);
    expect(askedFor(fake, failing)).toHaveLength(1);
    host.become({ connectionStatus: "connecting" });
    await settle();
    expect(askedFor(fake, failing)).toHaveLength(1);
    host.become({ connectionStatus: "connected" });
    for (let i = 0; i < 60; i++) await settle();
    expect(askedFor(fake, failing)).toHaveLength(2); // and once only
    expect(alerts(one(el, where))).toEqual([expect.stringContaining("Out of memory.")]);
  });

  it("of what attends to a token is said beside the token", async () => {
    const { el } = await show(
      {},
      kernelThat(({ kind }) => kind === "attended"),
    );
    one(el, "[aria-label=Tokens] [role=option]:nth-child(3)").click();
    await settle();
    expect(alerts(one(el, ".ie-tokens"))).toEqual(["Out of memory.  Try again"]);
  });

  it.each([
    ["patterns", "", ".ie-patterns"],
    ["predictions", "", ".ie-predictions"],
    ["predictions", "passage", "[role=tabpanel]"],
    ["predictions", "answer", "[role=tabpanel]"],
    ["ablation_grid", "ablation", ".ie-each"],
    ["wiring", "wiring", "[role=tabpanel]"],
  ])("of %s that is final offers nothing to press, and nothing to save: %s", async (failing, tab, where) => {
    const final = { message: "It is not held.", hint: "", final: true };
    const prompt = [promptInfo(TOKENS, true, " C")];
    const traits = { _view: { tab }, _prompts: prompt, answer: " C" };
    const offers = async (error: ErrorInfo | undefined) => {
      const { el } = await show(
        traits,
        kernelThat(({ kind }) => error !== undefined && kind === failing, error),
      );
      for (let i = 0; i < 10; i++) await settle();
      const buttons = [...one(el, where).querySelectorAll("button")];
      const again = [...el.querySelectorAll("button")].filter((one) => one.textContent === "Try again");
      return { saves: buttons.filter((one) => one.textContent === "Save").length, again: again.length };
    };
    expect(await offers(final)).toEqual({ saves: 0, again: 0 });
    expect((await offers(REFUSED)).again).toBeGreaterThan(0);
    const known = await offers(undefined);
    expect([known.again, known.saves > 0]).toEqual([0, true]);
  });

  it.each(["answer", "passage"])("of another series is said in the tab %s", async (tab) => {
    const two = [seriesInfo("one", SHAPE), seriesInfo("two", SHAPE)];
    const prompt = promptInfo(TOKENS, true, " C");
    const { el } = await show(
      { _view: { tab }, _series: two, _scores: [SCORES, SCORES], _prompts: [prompt, prompt], answer: " C" },
      kernelThat((request) => request.kind === "predictions" && request.series === 1),
    );
    expect(alerts(one(el, "[role=tabpanel]"))).toEqual(["two: Out of memory.  Try again"]);
    expect(alerts(one(el, ".ie-predictions"))).toEqual([]);
  });
});
