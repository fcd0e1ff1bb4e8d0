// @vitest-environment happy-dom
/** What follows the slider is read aloud once it rests, not in every frame. */
import { h, render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Status } from "../../js/src/ui/status";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

it("is shown at once, and put into the live region once", async () => {
  const say = async (text: string, ms: number) => {
    render(h(Status, { text }), document.body);
    await vi.advanceTimersByTimeAsync(ms);
  };
  await say("at rest", 1000);
  const status = document.querySelector("[role=status]") as HTMLElement;
  /** What a screen reader would read: elements that are put into the region while it is live. */
  const read: (string | null)[] = [];
  new MutationObserver((changes) => {
    const live = status.getAttribute("aria-live") === "polite";
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (live) read.push(node.textContent);
  }).observe(status, { childList: true });
  for (let frame = 0; frame < 100; frame++) {
    await say(`frame ${frame}`, 16);
    expect(status.textContent).toBe(`frame ${frame}`);
    expect(status.getAttribute("aria-live")).toBe("off");
  }
  expect(read).toEqual([]);
  await say("frame 99", 1000);
  expect(status.getAttribute("aria-live")).toBe("polite");
  expect(read).toEqual(["frame 99"]);
});
