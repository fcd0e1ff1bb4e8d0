// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { promptInfo, SCORES, seriesInfo, traits, WEIRD_TOKENS } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import { trainingAxis } from "../../js/src/chart/training-axis";
import { decodeFloats } from "../../js/src/kernel/arrays";
import type { Envelope, ExplorerModel } from "../../js/src/kernel/model";
import { clearPage, freshPage, one, SHAPE, settle, TOKENS, widgetOf } from "./shown";

let fake: FakeModel;
let addView: ReturnType<typeof widgetOf>;

function show(change: Partial<ExplorerModel> = {}): HTMLElement {
  fake = new FakeModel({ ...traits(SHAPE, TOKENS), heads: [[0, 1]], ...change });
  fake.kernel = fakeKernel(SHAPE, 3);
  addView = widgetOf(fake);
  const el = addView();
  vi.advanceTimersByTime(1000);
  return el;
}

const names = (el: HTMLElement, selector: string) =>
  [...el.querySelectorAll(selector)].map((found) => found.getAttribute("aria-label"));
const key = (target: HTMLElement, name: string, init: KeyboardEventInit = {}) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...init }));

freshPage();

describe("names", () => {
  it("of the slider say the step and the tokens", async () => {
    const el = show({ checkpoint: 0 });
    await settle();
    const slider = one(el, "input[type=range]") as HTMLInputElement;
    expect(slider.getAttribute("aria-label")).toBe("Checkpoint");
    expect(slider.getAttribute("aria-valuetext")).toBe("step 0 · 0 tokens");
    slider.value = "5";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(slider.getAttribute("aria-valuetext")).toBe("step 46 · 188k tokens");
    expect(fake.get("checkpoint")).toBe(5);
  });

  it("of the cells follow score and checkpoint", async () => {
    const el = show({ checkpoint: 25 });
    await settle();
    expect(names(el, "[role=grid] [role=row]:nth-child(2) [role=gridcell]")).toEqual([
      expect.stringMatching(/^L1H0 induction 0\.\d{3}$/),
      expect.stringMatching(/^L1H1 induction 0\.\d{3}$/),
      expect.stringMatching(/^L1H2 induction 0\.\d{3}$/),
      expect.stringMatching(/^L1H3 induction 0\.\d{3}$/),
    ]);
    const before = names(el, "[role=gridcell]");
    fake.receive({ checkpoint: 1 });
    await settle();
    expect(names(el, "[role=gridcell]")).not.toEqual(before);
    fake.receive({ _grids: {} });
    await settle();
    expect(names(el, "[role=gridcell]")[5]).toBe("L1H1 induction not computed");
  });

  it("of cells in layers without attention say so, and so do cells that hold nothing", async () => {
    const grid = traits(SHAPE)._grids["0/induction"];
    if (!grid?.data) throw new Error("no grid");
    const values = new Float32Array(grid.data.buffer.slice(0));
    values.fill(Number.NaN, 25 * 8, 25 * 8 + 4);
    values[25 * 8 + 6] = Number.NaN;
    const el = show({
      checkpoint: 25,
      _series: [{ ...seriesInfo("hybrid", SHAPE), attending: [1] }],
      _grids: { "0/induction": { ...grid, data: new DataView(values.buffer) } },
    });
    await settle();
    const found = names(el, "[role=gridcell]");
    expect(found[0]).toBe("L0H0 induction no attention");
    expect(found[5]).toMatch(/^L1H1 induction 0\.\d{3}$/);
    expect(found[6]).toBe("L1H2 induction none");
  });

  it("that others look for are part of no other name of that role", async () => {
    const el = show({ compare: 5, checkpoint: 20, heads: [[1, 2]] });
    await settle();
    const agreed: [selector: string, name: string][] = [
      ["input[type=range], [role=slider]", "Checkpoint"],
      ["select", "Score"],
      ["[role=grid]", "Head scores"],
      ["[role=gridcell]", "L1H2 induction"],
      ["[role=img]", "Attention pattern L1H2"],
      ["[role=listbox]", "Tokens"],
      ["textarea, input", "Prompt"],
      ["table", "Next-token predictions"],
      ["[role=tablist]", "Measures"],
    ];
    for (const [selector, name] of agreed) {
      const alike = names(el, selector).filter((other) => other?.toLowerCase().includes(name.toLowerCase()));
      expect(alike, name).toHaveLength(1);
    }
    const buttons = [...el.querySelectorAll("button")].map(
      (button) => button.getAttribute("aria-label") ?? button.textContent ?? "",
    );
    for (const name of ["play", "run"])
      expect(buttons.filter((other) => other.toLowerCase().includes(name))).toHaveLength(1);
  });

  it("of patterns, tokens and tables are the ones agreed on", async () => {
    const el = show({
      heads: [
        [0, 1],
        [1, 1],
      ],
    });
    await settle();
    expect(names(el, "[role=img]")).toEqual(["Attention pattern L0H1", "Attention pattern L1H1"]);
    expect(names(el, "[role=listbox], [role=grid], table, select, textarea")).toEqual([
      "Score",
      "Head scores",
      "Second column",
      "Heads by induction",
      "Tokens",
      "Prompt",
      "Patterns show",
      "Attention colours",
      "Next-token predictions",
    ]);
    expect(
      [...el.querySelectorAll("[aria-label=Tokens] [role=option]")].map((option) => option.textContent),
    ).toEqual(TOKENS);
  });
});

describe("measures", () => {
  const tabs = (el: HTMLElement) => [...el.querySelectorAll<HTMLElement>("[role=tablist] [role=tab]")];

  it("are tabs, one panel at a time, with a roving tab stop", async () => {
    const el = show();
    await settle();
    expect(names(el, "[role=tablist]")).toEqual(["Measures"]);
    const titles = tabs(el).map((tab) => tab.textContent);
    expect(titles.slice(0, 3)).toEqual(["Loss", "In-context learning", "Loss by position"]);
    expect(one(el, "[role=tabpanel]").getAttribute("aria-label")).toBe("Loss");
    key(tabs(el)[0] as HTMLElement, "ArrowLeft");
    await settle();
    expect(one(el, "[role=tabpanel]").getAttribute("aria-label")).toBe(titles.at(-1));
    expect(tabs(el).map((tab) => tab.tabIndex)).toEqual(
      titles.map((_, i) => (i === titles.length - 1 ? 0 : -1)),
    );
    tabs(el)[1]?.click();
    await settle();
    const selected = tabs(el).filter((tab) => tab.getAttribute("aria-selected") === "true");
    expect(selected.map((tab) => tab.textContent)).toEqual(["In-context learning"]);
  });

  it("say the value at the shown checkpoint and follow the slider", async () => {
    const el = show({ checkpoint: 0 });
    await settle();
    expect(one(el, ".ie-measure-value").textContent).toBe("6.000");
    const rule = one(el, ".ie-measure-rule").style.transform;
    fake.receive({ checkpoint: 13 });
    await settle();
    expect(one(el, ".ie-measure-value").textContent).not.toBe("6.000");
    expect(one(el, ".ie-measure-rule").style.transform).not.toBe(rule);
  });

  it("of copyable and of other tokens say both names, and the value of the first", async () => {
    const el = show({ checkpoint: 13, _view: { tab: "in_context_learning" } });
    await settle();
    const figure = one(el, "figure[aria-label='Loss of copyable and of other tokens']");
    const { values } = decodeFloats(fake.get("_measures")["0/copyable_loss"] as Envelope);
    expect(one(figure, ".ie-measure-value").textContent).toBe(values[13]?.toFixed(3));
    expect(figure.querySelectorAll(".ie-measure-mark-other").length).toBe(1);
    for (const name of ["copyable", "others"]) expect(figure.textContent).toContain(name);
  });

  it("of a single checkpoint at step 0 are one point on either axis", () => {
    for (const type of ["log", "linear"] as const) {
      const axis = trainingAxis([0], type, 400);
      expect(axis.place(0)).toBeGreaterThanOrEqual(axis.scale.domain[0]);
      expect(axis.place(0)).toBeLessThanOrEqual(axis.scale.domain[1]);
      if (type === "log") expect(axis.place(0)).toBeGreaterThan(0);
    }
    const several = trainingAxis([0, 10, 1000], "log", 400);
    expect(several.place(10)).toBe(10);
    expect(several.place(0)).toBe(several.scale.domain[0]);
    expect(several.read(several.place(0))).toBe(0);
  });

  it("that cannot be had say why", async () => {
    const el = show({ _measures: {}, _measured_on: ["small has no tokenizer."] });
    await settle();
    expect(one(el, "[role=tabpanel]").textContent).toBe("small has no tokenizer.");
  });
});

describe("the phase change", () => {
  it("can be drawn by hand where there are two checkpoints or more", async () => {
    const none = { ...(traits(SHAPE, TOKENS)._phases[0] as ExplorerModel["_phases"][0]), window: null };
    for (const checkpoints of [1, 2]) {
      const _series = [seriesInfo("run", { ...SHAPE, checkpoints })];
      const el = show({ _series, _phases: [none], checkpoint: 0 });
      await settle();
      expect(el.textContent?.includes("Draw a window")).toBe(checkpoints > 1);
    }
  });

  it("is said in plain words first, and how it was tested on demand", async () => {
    const [phases] = traits(SHAPE, TOKENS)._phases as [ExplorerModel["_phases"][0]];
    const el = show();
    await settle();
    expect(one(el, ".ie-formation").textContent).toBe(
      "An induction head forms between 2.6M and 3.6M tokens: L1H2.",
    );
    expect(one(el, ".ie-phase").textContent).toContain(", by in-context learning");
    expect(el.textContent).not.toContain("5 % level");
    const test = one(el, ".ie-tested") as HTMLDetailsElement;
    test.open = true;
    test.dispatchEvent(new Event("toggle"));
    await settle();
    expect(test.textContent).toContain("95 % intervals: start ");
    expect(test.textContent).toContain(phases.text);
    const heads = ["L1H2", "L3H0", "L2H1"];
    for (const [change, words] of [
      [
        { formation: { start: 1e6, end: 2e6, heads } },
        "Induction heads form between 1.0M and 2.0M tokens: L1H2, L3H0 and L2H1.",
      ],
      [{ formation: null }, "The model changes abruptly, but no induction head was seen to form at once."],
      [{ formation: null, window: null }, "No abrupt change was found: no induction head forms at once."],
      [{ formation: null, window: null, tested: false, text: "Too few." }, "Too few."],
    ] as const) {
      fake.receive({ _phases: [{ ...phases, ...change } as ExplorerModel["_phases"][0]] });
      await settle();
      expect(one(el, ".ie-formation").textContent).toBe(words);
    }
    expect(el.querySelector(".ie-tested")).toBeNull();
  });

  it("is told in the order of its curves, bold where the order is clear", async () => {
    const el = show();
    const order = one(el, ".ie-order") as HTMLDetailsElement;
    order.open = true;
    order.dispatchEvent(new Event("toggle"));
    await settle();
    const rows = one(el, "[aria-label='Order of the changes']").querySelectorAll("tbody tr");
    expect([...rows].map((row) => [row.textContent, row.querySelector("strong") !== null])).toEqual([
      ["prefix matching L1H23.1M< 0.000001−700k −1.1M to −200k", true],
      ["turn of the path of losses3.5M–−300k −1.0M to +400k", false],
      ["in-context learning3.8M0.011 ± 0.0004–", false],
    ]);
  });

  it("has a p and its error in the same digits", async () => {
    const [phases] = traits(SHAPE, TOKENS)._phases as [ExplorerModel["_phases"][0]];
    const order = phases.order.map((one) => ({ ...one, p: [1.1e-6, 7e-7] as [number, number] }));
    const el = show({ _phases: [{ ...phases, order }] });
    const details = one(el, ".ie-order") as HTMLDetailsElement;
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
    await settle();
    expect(details.textContent).toContain("0.0000011 ± 0.0000007");
  });

  it("of nothing but a turn has no order", async () => {
    const [phases] = traits(SHAPE, TOKENS)._phases;
    const order = phases?.order.filter((change) => change.span === null) ?? [];
    const el = show({
      _phases: [{ window: null, formation: null, tested: true, turn: null, text: "none", order }],
    });
    await settle();
    expect(el.querySelector(".ie-order")).toBeNull();
  });
});

describe("the head grid", () => {
  it("is left and entered by one cell, moves by arrow keys and selects by Enter and Ctrl", async () => {
    const el = show();
    await settle();
    const cells = [...el.querySelectorAll<HTMLElement>("[role=gridcell]")];
    expect(cells.filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
    cells[0]?.focus();
    for (const name of ["ArrowRight", "ArrowRight", "ArrowDown"])
      key(document.activeElement as HTMLElement, name);
    expect(document.activeElement).toBe(cells[6]);
    key(cells[6] as HTMLElement, "Enter");
    await settle();
    expect(fake.get("heads")).toEqual([[1, 2]]);
    cells[0]?.dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    await settle();
    expect(fake.get("heads")).toEqual([
      [1, 2],
      [0, 0],
    ]);
    expect(cells.map((cell) => cell.getAttribute("aria-selected")).filter((s) => s === "true")).toHaveLength(
      2,
    );
  });
});

describe("the token strip", () => {
  const status = (el: HTMLElement) => one(el, "[role=status]").textContent;
  const over = (target: Element | undefined) =>
    target?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));

  it("says what the hovered token attends to; hover wins over lock, Escape unlocks", async () => {
    const el = show({ checkpoint: 25, heads: [[0, 1]] });
    await settle();
    expect(status(el)).toBe("query 5 ' B' attends 0.80 to key 4 ' A'");
    const options = [...el.querySelectorAll<HTMLElement>("[aria-label=Tokens] [role=option]")];
    over(options[4]);
    await settle();
    expect(status(el)).toMatch(/^query 4 ' A' attends 0\.\d\d to key 3 ' C'$/);
    options[3]?.click();
    over(options[2]);
    await settle();
    expect(status(el)).toMatch(/^query 2 ' B' attends/);
    one(el, "[role=listbox][aria-label=Tokens]").dispatchEvent(new PointerEvent("pointerleave"));
    await settle();
    expect(status(el)).toMatch(/^query 3 ' C' attends/);
    expect(options[3]?.getAttribute("aria-selected")).toBe("true");
    expect(one(el, "caption").textContent).toContain("after position 3 ' C'");
    key(options[3] as HTMLElement, "Escape");
    await settle();
    expect(status(el)).toBe("");
  });

  it("shows hostile tokens as text", async () => {
    const el = show({ _prompts: [promptInfo(WEIRD_TOKENS)] });
    await settle();
    expect(el.querySelector("script")).toBeNull();
    expect(one(el, "[aria-label=Tokens] [role=option]").textContent).toBe("<script>alert(1)</scrip…");
    expect(one(el, "[aria-label=Tokens] [role=option] bdi").title).toBe("<script>alert(1)</script>");
  });
});

describe("states", () => {
  it.each([
    ["computing", "computing …"],
    ["ready", "No values of this score"],
  ] as const)("says in the place of every score's picture why there is none: %s", async (state, words) => {
    const _status = {
      state,
      label: "induction",
      progress: "7 of 26 checkpoints",
      done: 7,
      total: 26,
      error: null,
    };
    const el = show({ _grids: {}, _status });
    await settle();
    for (const place of [".ie-grid", ".ie-curves"]) expect(one(el, place).textContent).toContain(words);
    expect(one(el, ".ie-curves").textContent).not.toContain("log scale");
  });

  it("a lost kernel is said, disables Run and leaves scrubbing", async () => {
    const el = show({ checkpoint: 3 });
    await settle();
    fake.emit("comm_live_update");
    await settle();
    expect(one(el, "[role=alert]").textContent).toContain(
      "Disconnected from the kernel — run the cell again",
    );
    expect((one(el, "button[type=submit]") as HTMLButtonElement).disabled).toBe(true);
    const slider = one(el, "input[type=range]") as HTMLInputElement;
    slider.value = "9";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(one(el, "caption").textContent).toContain("after position 5");
    expect(slider.getAttribute("aria-valuetext")).toContain("step 106");
  });

  it("a notebook reopened without its kernel draws what the traits hold, and says so", async () => {
    fake = new FakeModel({ ...traits(SHAPE, TOKENS), heads: [[0, 1]] });
    const el = widgetOf(fake)(undefined, "jupyter-widgets-disconnected");
    await settle();
    expect(one(el, "[role=alert]").textContent).toContain("Disconnected");
    expect(names(el, "[role=gridcell]")[0]).toMatch(/^L0H0 induction 0\.\d{3}$/);
    expect(el.textContent).not.toContain("computing …");
  });

  it("a prompt being typed survives what the kernel says meanwhile", async () => {
    const el = show({ prompt: "old" });
    const box = one(el, "textarea") as HTMLTextAreaElement;
    fake.receive({ prompt: "newer" });
    await settle();
    expect(box.value).toBe("newer");
    box.value = "half a sen";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    fake.receive({ prompt: "newest" });
    await settle();
    expect(box.value).toBe("half a sen");
  });

  it("errors of status and prompt and faults of the checkpoint are alerts", async () => {
    const base = traits(SHAPE, TOKENS);
    const el = show({
      _status: {
        state: "failed",
        label: "",
        progress: "",
        done: 0,
        total: 0,
        error: { message: "NaN weights", hint: "" },
      },
      _prompts: [{ ...promptInfo([]), error: { message: "No tokenizer.", hint: "Give one." } }],
      _series: base._series.map((info) => ({ ...info, faults: { 25: "truncated file" } })),
    });
    await settle();
    const alerts = [...el.querySelectorAll("[role=alert]")].map((alert) => alert.textContent);
    expect(alerts).toEqual([
      "NaN weights",
      "This checkpoint could not be used. truncated file",
      "No tokenizer. Give one.",
    ]);
  });

  it("work shows a progress bar, but not for a flash", async () => {
    const el = show();
    await settle();
    const computing = {
      state: "computing",
      label: "induction",
      progress: "3 of 26 checkpoints",
      done: 3,
      total: 26,
      error: null,
    } as const;
    fake.receive({ _status: computing });
    await vi.advanceTimersByTimeAsync(150);
    expect(el.querySelector("[role=progressbar]")).toBeNull();
    fake.receive({
      _status: { ...computing, done: 4, progress: "4 of 26 checkpoints, about a minute left" },
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(one(el, "[role=progressbar]").getAttribute("aria-valuenow")).toBe("4");
    expect(one(el, "[role=progressbar]").getAttribute("aria-label")).toBe("induction");
    expect(one(el, "[role=progressbar]").getAttribute("aria-valuetext")).toBe(
      "4 of 26 checkpoints, about a minute left",
    );
    expect(one(el, ".ie-progress-label").textContent).toBe(
      "induction · 4 of 26 checkpoints, about a minute left",
    );
    // In the header's line, where it moves nothing that a reader points at.
    expect(one(el, "[role=progressbar]").closest("header")).not.toBeNull();
  });
});

describe("views", () => {
  it("share the checkpoint but not the hover, and leave no listener behind", async () => {
    const first = show();
    const listeners = fake.listenerCount;
    const closing = new AbortController();
    const second = addView(closing.signal);
    await settle();
    const slider = one(first, "input[type=range]") as HTMLInputElement;
    slider.value = "7";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    one(first, "[aria-label=Tokens] [role=option]").dispatchEvent(
      new PointerEvent("pointerover", { bubbles: true }),
    );
    await settle();
    expect((one(second, "input[type=range]") as HTMLInputElement).value).toBe("7");
    expect(one(first, "[role=status]").textContent).toContain("query 0 ");
    expect(one(second, "[role=status]").textContent).toContain("query 5 ");
    closing.abort();
    expect(second.childElementCount).toBe(0);
    expect(fake.listenerCount).toBe(listeners);
    clearPage();
    expect(fake.listenerCount).toBe(0);
  });

  it("follow the theme of the host", async () => {
    document.body.dataset.jpThemeLight = "true";
    const el = show();
    await settle();
    expect(one(el, ".ie").dataset.theme).toBe("light");
    document.body.dataset.jpThemeLight = "false";
    await settle();
    expect(one(el, ".ie").dataset.theme).toBe("dark");
    delete document.body.dataset.jpThemeLight;
  });
});

describe("the score picker", () => {
  it("groups scores and says which are missing and why, each reason once", () => {
    const reason = "Its weights are laid out in a way that is not known here.";
    const el = show({
      _scores: [SCORES.map((score, i) => (i === 1 ? { ...score, group: "From the weights" } : score))],
      _series: [
        { ...seriesInfo("a", SHAPE), left_out: { "QK trace": reason, Copying: reason, Entropy: "No text." } },
      ],
    });
    const groups = [...el.querySelectorAll("[aria-label=Score] optgroup")];
    expect(groups.map((group) => [group.getAttribute("label"), group.textContent])).toEqual([
      ["Attention", "Induction"],
      ["From the weights", "Previous token"],
      ["Logits before the softmax", "Induction (logit)"],
    ]);
    expect(one(el, ".ie-score").textContent).toContain(
      `Without QK trace, Copying: ${reason}Without Entropy: No text.`,
    );
  });
});
