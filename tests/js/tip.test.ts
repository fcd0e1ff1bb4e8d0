// @vitest-environment happy-dom
import { h, render } from "preact";
import { describe, expect, it } from "vitest";
import { Tip } from "../../js/src/chart/tip";
import { freshPage, one, settle, show } from "./shown";

function drawn(x: number, reach?: number): HTMLElement {
  const place = document.body.appendChild(document.createElement("div"));
  render(h(Tip, { x, y: 30, width: 400, name: "L1H2", ...(reach && { reach }) }, " 0.5"), place);
  return one(place, ".ie-tip");
}

freshPage();

describe("a tip", () => {
  it("names the point first, and stands beside it on the side with more room", () => {
    const [left, right] = [drawn(100), drawn(300)];
    expect(left.outerHTML).toBe(
      '<div class="ie-tip ie-tip-right" style="left: 100px; top: 30px;"><strong>L1H2</strong> 0.5</div>',
    );
    expect([right.className, right.style.left]).toEqual(["ie-tip ie-tip-left", "300px"]);
  });

  it("stands past what is drawn at its point", () => {
    expect(drawn(100, 12).style.left).toBe("112px");
    expect(drawn(300, 12).style.left).toBe("288px");
  });

  it.each([
    ["scatter", 2],
    ["wiring", 2],
    ["loss_pca", 2],
  ])("is the same in the curves and the tab %s", async (tab, count) => {
    const { el } = await show({ _view: { tab }, checkpoint: 20 });
    one(el, "[data-head='0,2']").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    const dot = el.querySelector("[role=tabpanel] g[data-mark=dot] circle");
    if (dot !== null) {
      const [clientX, clientY] = ["cx", "cy"].map((at) => Number(dot.getAttribute(at))) as [number, number];
      const move = new PointerEvent("pointermove", { clientX, clientY, bubbles: true });
      one(el, "[role=tabpanel] .ie-chart").dispatchEvent(move);
    }
    await settle();
    const tips = [...el.querySelectorAll(".ie-tip")];
    expect(tips).toHaveLength(count);
    for (const tip of tips) {
      expect(tip.className).toMatch(/^ie-tip ie-tip-(left|right)$/);
      expect(tip.firstChild?.nodeName).toBe("STRONG");
      expect(tip.firstChild?.textContent).toMatch(/^(L0H2|step \d+)$/);
    }
  });
});
