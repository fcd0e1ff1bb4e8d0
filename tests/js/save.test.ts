// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { promptInfo, seriesInfo } from "../../js/dev/data";
import { attention } from "../../js/dev/fake-kernel";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

const TRAINING = ["checkpoint", "step", "tokens", "tokens_estimated"];

const button = (el: HTMLElement, title: string) => one(el, `button[aria-label="Save ${title}"]`);
const items = (el: HTMLElement) => [...el.querySelectorAll<HTMLElement>("[role=menuitem]")];
async function press(name: string): Promise<void> {
  const init = { key: name, bubbles: true, cancelable: true };
  document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
  await settle();
}

freshPage();

describe("a saved panel", () => {
  it("is named after series, panel and checkpoint", async () => {
    const { el } = await show({ checkpoint: 24, _series: [seriesInfo("run A/seed:7", SHAPE)] });
    const { name } = await saved(el, "Attention patterns", "CSV");
    expect(name).toBe("run-a-seed-7-attention-patterns-step-2435.csv");
    expect((await saved(el, "Loss", "SVG")).name).toBe("run-a-seed-7-loss-step-2435.svg");
  });

  it("is a drawing, a picture or a table, as was asked for", async () => {
    vi.spyOn(HTMLImageElement.prototype, "decode").mockResolvedValue();
    const picture = new Blob(["its pixels"], { type: "image/png" });
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((then) => then(picture));
    const { el } = await show();
    const [svg, png, csv] = [
      await saved(el, "Loss", "SVG"),
      await saved(el, "Loss", "PNG"),
      await saved(el, "Loss", "CSV"),
    ];
    expect([svg, png, csv].map(({ name, type }) => [name.split(".").at(-1), type])).toEqual([
      ["svg", "image/svg+xml"],
      ["png", "image/png"],
      ["csv", "text/csv"],
    ]);
    expect(png.text).toBe("its pixels");
    expect(svg.text).toMatch(/^<svg [^>]*>.*<\/svg>$/s);
  });

  it("has every checkpoint's training in its columns: step, tokens, and whether those are estimated", async () => {
    const info = seriesInfo("run", SHAPE);
    const { el } = await show({
      _series: [
        {
          ...info,
          tokens: info.tokens.map((at, i) => (i === 3 ? null : at)),
          tokens_estimated: info.tokens.map((_, i) => i === 5),
        },
      ],
    });
    const [names, ...rows] = rowsOf(await saved(el, "Induction of every head", "CSV"));
    expect(names).toEqual([...TRAINING, "layer", "head", "induction"]);
    const size = SHAPE.layers * SHAPE.heads;
    expect(rows).toHaveLength(SHAPE.checkpoints * size);
    expect(rows[5 * size + 6]?.slice(0, 6)).toEqual([
      ...["5", String(info.steps[5]), String(info.tokens[5]), "true", "1", "2"],
    ]);
    expect(rows[3 * size]?.slice(0, 6)).toEqual(["3", String(info.steps[3]), "", "false", "0", "0"]);
  });

  it("has the kernel's own float32, as the shortest number that is it", async () => {
    const { el, fake } = await show();
    const sent = new Float32Array(fake.get("_grids")["0/induction"]?.data?.buffer as ArrayBuffer);
    const [, ...rows] = rowsOf(await saved(el, "Induction of every head", "CSV"));
    const written = rows.map((row) => row.at(-1) ?? "");
    expect(Float32Array.from(written, Number)).toEqual(sent);
    for (const text of written) {
      const shorter = Number(
        Number(text).toPrecision(Math.max(1, text.replace(/^0\.0*|\./g, "").length - 1)),
      );
      if (shorter !== Number(text)) expect(Math.fround(shorter)).not.toBe(Math.fround(Number(text)));
    }
  });

  it("has the pattern of every selected head, by query and key, with their tokens", async () => {
    const { el } = await show({ checkpoint: 9, heads: [[1, 3]] });
    const [names, ...rows] = rowsOf(await saved(el, "Attention patterns", "CSV"));
    expect(names).toEqual(["head", "query", "key", "query_token", "key_token", "attention"]);
    const triangle = attention(SHAPE, 9, 1, 3, TOKENS.length, 3);
    expect(rows).toHaveLength(triangle.length);
    const at = rows.findIndex(([, query, key]) => query === "4" && key === "2");
    expect(rows[at]?.slice(0, 5)).toEqual(["L1H3", "4", "2", " A", " B"]);
    expect(Math.fround(Number(rows[at]?.[5]))).toBe(triangle[(4 * 5) / 2 + 2]);
  });

  it("quotes tokens that would break a row, and gives formulas to a spreadsheet as text", async () => {
    const tokens = ["<|bos|>", 'a,"b"', "\n", "=1+1"];
    const { el } = await show({ _prompts: [promptInfo(tokens)] });
    const { text } = await saved(el, "Attention patterns", "CSV");
    expect(text).toContain('L1H1,3,1,\'=1+1,"a,""b""",');
    expect(text).toContain('L1H1,2,0,"\n",<|bos|>,');
  });

  it("says so where it could not be saved", async () => {
    const { el } = await show();
    vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
      throw new Error("the disk is full");
    });
    button(el, "Attention patterns").click();
    await settle();
    items(el)[2]?.click();
    await settle();
    expect(one(el, "[role=alert]").textContent).toBe(
      "Attention patterns could not be saved: the disk is full",
    );
    button(el, "Attention patterns").click();
    await settle();
    expect(el.querySelector("[role=alert]")).toBeNull();
  });
});

describe("saved predictions", () => {
  it("are those after the position that is shown, by rank", async () => {
    const { el } = await show({ checkpoint: 25 });
    const [names, ...rows] = rowsOf(await saved(el, "Next-token predictions", "CSV"));
    expect(names).toEqual(["rank", "id", "token", "logit", "probability"]);
    expect(rows.map(([rank]) => rank)).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 1)));
    const shown = [...one(el, "table[aria-label='Next-token predictions'] tbody").querySelectorAll("tr")];
    expect(shown).toHaveLength(10);
    shown.forEach((row, rank) => {
      const [, , token, , probability] = rows[rank] ?? [];
      expect(row.textContent).toContain(token?.trim());
      expect(row.textContent).toContain(Number(probability).toFixed(2).slice(0, 3));
    });
    const chances = rows.map((row) => Number(row[4]));
    expect(chances).toEqual([...chances].sort((a, b) => b - a));
    expect(Math.exp(Number(rows[0]?.[3]) - 12)).toBeCloseTo(chances[0] ?? 0, 5);
  });
});

describe("the menu", () => {
  it("goes round by arrow keys, closes with Escape, and gives the focus back", async () => {
    const { el } = await show();
    button(el, "Attention patterns").focus();
    await press("ArrowDown");
    expect(items(el).map((item) => item.textContent)).toEqual(["SVG", "PNG", "CSV"]);
    expect(document.activeElement).toBe(items(el)[0]);
    expect(items(el).map((item) => item.tabIndex)).toEqual([-1, -1, -1]); // Tab leaves the menu
    expect(button(el, "Attention patterns").getAttribute("aria-expanded")).toBe("true");
    await press("ArrowUp");
    expect(document.activeElement).toBe(items(el)[2]);
    await press("ArrowDown");
    expect(document.activeElement).toBe(items(el)[0]);
    await press("Escape");
    expect(items(el)).toEqual([]);
    expect(document.activeElement).toBe(button(el, "Attention patterns"));
  });

  it("closes where something else is pressed or focused, and not by itself", async () => {
    const { el } = await show();
    button(el, "Attention patterns").click();
    await settle();
    items(el)[1]?.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    await settle();
    expect(items(el)).toHaveLength(3);
    el.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    await settle();
    expect(items(el)).toEqual([]);
    button(el, "Attention patterns").click();
    await settle();
    const init = { bubbles: true, relatedTarget: one(el, "textarea") };
    items(el)[0]?.dispatchEvent(new FocusEvent("focusout", init));
    await settle();
    expect(items(el)).toEqual([]);
  });

  it("listens to the page only while it is open", async () => {
    const { el } = await show();
    const [add, remove] = [vi.spyOn(document, "addEventListener"), vi.spyOn(document, "removeEventListener")];
    const of = (calls: unknown[][]) => calls.filter(([type]) => type === "pointerdown");
    for (let times = 1; times <= 2; times++) {
      button(el, "Attention patterns").click();
      await settle();
      button(el, "Attention patterns").click();
      await settle();
      expect(of(add.mock.calls)).toHaveLength(times);
      expect(of(remove.mock.calls)).toEqual(of(add.mock.calls));
    }
  });
});
