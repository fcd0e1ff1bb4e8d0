// @vitest-environment happy-dom
/** Of issue 13, "Bad input and abuse": what is named or typed to break the page is shown as it is, and runs nowhere. */
import { describe, expect, it, vi } from "vitest";
import { promptInfo, SCORES, seriesInfo } from "../../js/dev/data";
import { saved } from "./saved";
import { freshPage, one, SHAPE, settle, show } from "./shown";

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "</script><script>alert(1)</script>",
  '"><svg onload=alert(1)>',
  "=cmd|' /C calc'!A0",
  "\u202egnp.exe",
  "a\nb\u0000c",
  "x".repeat(300),
];
const TABS = ["loss", "loss_pca", "scatter", "passage", "answer", "ablation", "wiring"];

freshPage();

/** Elements and attributes that only markup in a name could have made. */
const injected = (el: Element) => el.querySelectorAll("script, [onerror], [onload], img[src]").length;

describe("names and tokens with scripts", () => {
  it.each(TABS)("are text in every panel, table and file: %s", async (tab) => {
    const { fake, el } = await show();
    const name = HOSTILE.join(" ");
    fake.receive({
      _series: [
        {
          ...seriesInfo(name, SHAPE),
          labels: seriesInfo(name, SHAPE).labels.map((label) => `${label} ${HOSTILE[0]}`),
        },
      ],
      _scores: [SCORES.map((score) => ({ ...score, title: `${score.title} ${name}`, formula: name }))],
      _prompts: [{ ...promptInfo(HOSTILE, true, HOSTILE[0]), generation: 2 }],
      _view: { tab },
    });
    await settle();
    for (const button of el.querySelectorAll<HTMLElement>(".ie-table-button")) button.click();
    await vi.advanceTimersByTimeAsync(1000);
    expect(el.querySelectorAll(".ie-data table").length).toBeGreaterThan(2);
    expect(injected(el)).toBe(0);
    expect(el.textContent).toContain("<img src=x onerror=alert(1)>");
    const turned = [...el.querySelectorAll("*")].filter(
      (each) => each.children.length === 0 && each.textContent?.includes("\u202e"),
    );
    expect(turned.map((each) => each.outerHTML.slice(0, 90))).toEqual([]);
    const { text, name: file } = await saved(el, "Next-token predictions", "CSV");
    expect(text.split("\r\n").filter((line) => /^[=+@]/.test(line))).toEqual([]);
    expect(file).toMatch(/^[\p{L}\p{N}-]{1,200}\.csv$/u);
  });
});

it("1,000 moves of the slider in a second are few words to the kernel, and the last one stands", async () => {
  const { fake, el } = await show();
  const slider = one(el, "[aria-label=Checkpoint]") as HTMLInputElement;
  let told = 0;
  fake.model.on("change:checkpoint", () => {
    told++;
  });
  for (let move = 0; move < 1000; move++) {
    slider.value = String(move === 999 ? 7 : move % SHAPE.checkpoints);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(2000);
  expect(fake.get("checkpoint")).toBe(7);
  expect(slider.getAttribute("aria-valuetext")).toContain(fake.get("_series")[0]?.labels[7]);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(20);
});
