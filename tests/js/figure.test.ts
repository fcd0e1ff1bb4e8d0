// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { drawsAs, figureOf } from "../../js/src/export/figure";

/** Nothing is laid out here: boxes are given, as "left top width height". */
type Box = [left: number, top: number, width: number, height: number];

const rect = ([left, top, width, height]: Box) => new DOMRect(left, top, width, height);

beforeEach(() => {
  document.body.removeAttribute("style");
  document.head.innerHTML = `<style>* { background-color: rgba(0, 0, 0, 0) }</style>`; // as browsers have it
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
    return rect((this.getAttribute("data-box") ?? "0 0 0 0").split(" ").map(Number) as Box);
  });
  lines([]);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Words at these places, by where they begin in their text; others are not seen. */
function lines(places: [start: number, box: Box][]): void {
  vi.spyOn(Range.prototype, "getClientRects").mockImplementation(function (this: Range) {
    const place = places.find(([start]) => start === this.startOffset);
    return (place === undefined ? [] : [rect(place[1])]) as unknown as DOMRectList;
  });
}

/** A panel at (100, 50), 200 by 80, with this inside; the figure as SVG. */
function figure(inside: string, style = ""): { svg: Element; text: string; root: HTMLElement } {
  document.body.innerHTML = `<figure data-box="100 50 199.5 80" style="${style}">${inside}</figure>`;
  const root = document.querySelector("figure") as HTMLElement;
  return { ...drawn(root), root };
}

function drawn(root: HTMLElement): { svg: Element; text: string } {
  const { text } = figureOf(root);
  const holder = document.createElement("div");
  holder.innerHTML = text;
  return { svg: holder.firstElementChild as Element, text };
}

const numbers = (element: Element | null | undefined, ...names: string[]) =>
  names.map((name) => Number(element?.getAttribute(name)));

describe("a figure", () => {
  it("is the panel with a margin of 12 on all sides", () => {
    const { root, svg } = figure("");
    expect(figureOf(root)).toMatchObject({ width: 224, height: 104 });
    expect(numbers(svg, "width", "height")).toEqual([224, 104]);
    expect(svg.getAttribute("viewBox")).toBe("0 0 224 104");
    expect(numbers(svg.firstElementChild, "width", "height")).toEqual([224, 104]);
    expect(svg.children).toHaveLength(1);
  });

  it.each([
    ["its own", "background-color: rgb(1, 2, 3)", "rgb(4, 5, 6)", "rgb(1, 2, 3)"],
    ["the page's, where it has none", "background-color: transparent", "rgb(4, 5, 6)", "rgb(4, 5, 6)"],
    ["the page's, seen through it", "background-color: rgba(1, 2, 3, 0)", "rgb(4, 5, 6)", "rgb(4, 5, 6)"],
    ["white, where nothing has any", "background-color: transparent", "transparent", "#ffffff"],
  ])("stands on a ground: %s", (_, style, page, ground) => {
    document.body.style.backgroundColor = page;
    document.documentElement.style.backgroundColor = "transparent";
    expect(figure("", style).svg.firstElementChild?.getAttribute("fill")).toBe(ground);
  });

  it("is written in the panel's font", () => {
    const { svg } = figure("", "font-family: &quot;A &amp; B&quot;, serif");
    expect(svg.getAttribute("font-family")).toBe('"A & B", serif');
  });

  it.each([
    '<span class="ie-save">Save</span>',
    '<span class="ie-hidden">7</span>',
    "<input>",
    '<button class="ie-button">Go</button>',
    '<span class="ie-window-end">|</span>',
    '<a class="ie-link">more</a>',
    '<span style="display: none">gone</span>',
    '<span style="visibility: hidden">gone</span>',
  ])("leaves out what is no part of it: %s", (inside) => {
    lines([[0, [110, 60, 20, 10]]]);
    expect(figure(`<div>${inside}</div>`).svg.children).toHaveLength(1);
    expect(figure("<div><button>kept</button></div>").svg.querySelector("text")?.textContent).toBe("kept");
  });
});

describe("boxes of a figure", () => {
  it("are filled where they are, and not where nothing is seen", () => {
    const at = 'data-box="110 70 30 20"';
    const filled = figure(`<div ${at} style="background-color: rgb(9, 8, 7)"></div>`).svg.children[1];
    expect(filled?.getAttribute("fill")).toBe("rgb(9, 8, 7)");
    expect(numbers(filled, "x", "y", "width", "height")).toEqual([22, 32, 30, 20]);
    for (const unseen of ["transparent", "rgba(9, 8, 7, 0)"]) {
      expect(figure(`<div ${at} style="background-color: ${unseen}"></div>`).svg.children).toHaveLength(1);
    }
    const half = figure(`<div ${at} style="background-color: rgba(9, 8, 7, 0.5)"></div>`);
    expect(half.svg.children).toHaveLength(2);
  });

  it("have the line below them, inside of the box", () => {
    const at = 'data-box="110 70 30 20"';
    const border = (width: number, color: string) =>
      figure(`<div ${at} style="border-bottom: ${width}px solid ${color}"></div>`).svg.children;
    expect(numbers(border(2, "rgb(9, 8, 7)")[1], "x", "y", "width", "height")).toEqual([22, 50, 30, 2]);
    expect(border(2, "rgb(9, 8, 7)")[1]?.getAttribute("fill")).toBe("rgb(9, 8, 7)");
    expect(border(0, "rgb(9, 8, 7)")).toHaveLength(1);
    expect(border(2, "rgba(9, 8, 7, 0)")).toHaveLength(1);
  });
});

describe("text of a figure", () => {
  const texts = (svg: Element) => [...svg.querySelectorAll("text")];

  it("is one element a line, however many words it has", () => {
    lines([
      [0, [110, 60, 20, 10]],
      [4, [130, 61.5, 20, 10]],
      [8, [110, 62, 20, 10]],
    ]);
    const { svg } = figure('<p style="color: rgb(1, 2, 3); font: bold 11px serif">one two six</p>');
    expect(texts(svg).map((line) => line.textContent)).toEqual(["one two ", "six"]);
    expect(texts(svg).map((line) => numbers(line, "x", "y"))).toEqual([
      [22, 30],
      [22, 32],
    ]);
    const line = texts(svg)[0];
    expect(line?.getAttribute("fill")).toBe("rgb(1, 2, 3)");
    expect(line?.getAttribute("font-size")).toBe("11px");
    expect(line?.getAttribute("font-weight")).toMatch(/bold|700/);
    expect(line?.getAttribute("font-family")).toBe("serif");
    expect(line?.getAttribute("xml:space")).toBe("preserve");
  });

  it("begins at the leftmost word, which from right to left is not the first", () => {
    lines([
      [0, [150, 60, 20, 10]],
      [4, [110, 60, 40, 10]],
    ]);
    expect(numbers(texts(figure("<p>one two</p>").svg)[0], "x")).toEqual([22]);
  });

  it("is none of a comment", () => {
    lines([[0, [110, 60, 20, 10]]]);
    expect(texts(figure("<p><!-- one -->two</p>").svg).map((line) => line.textContent)).toEqual(["two"]);
  });

  it("has no words that are not seen", () => {
    lines([
      [0, [110, 60, 0, 10]],
      [4, [110, 60, 20, 10]],
    ]);
    expect(texts(figure("<p>one two six</p>").svg).map((line) => line.textContent)).toEqual(["two "]);
  });

  it("keeps white space that is seen", () => {
    lines([
      [0, [110, 60, 5, 10]],
      [2, [115, 60, 20, 10]],
    ]);
    expect(texts(figure("<p>  one</p>").svg).map((line) => line.textContent)).toEqual(["  one"]);
  });

  it("of a menu is what is chosen in it", () => {
    const options = "<option>one</option><option selected>two</option>";
    const { svg } = figure(`<select data-box="110 60 30 10">${options}</select>`);
    expect(texts(svg).map((line) => [line.textContent, ...numbers(line, "x", "y")])).toEqual([
      ["two", 22, 30],
    ]);
  });
});

describe("drawings of a figure", () => {
  it("stand where they are, painted as they are seen, whatever style sheets say elsewhere", () => {
    const inside =
      '<g><path class="a" style="fill: rgb(1, 2, 3); stroke-width: 2px" d="M0,0"/></g><style>.a { fill: red }</style>';
    const { svg, root } = figure(
      `<svg xmlns="http://www.w3.org/2000/svg" data-box="110 70 30 20" class="chart">${inside}</svg>`,
    );
    const chart = svg.children[1];
    expect(chart?.getAttribute("transform")).toBe("translate(22,32)");
    expect(chart?.querySelector("svg")).toBeNull();
    expect(chart?.querySelector("style")).toBeNull();
    const path = chart?.querySelector("path");
    expect(path?.getAttribute("d")).toBe("M0,0");
    expect(path?.getAttribute("fill")).toBe("rgb(1, 2, 3)");
    expect(path?.getAttribute("stroke-width")).toBe("2px");
    for (const name of ["class", "style", "font-size-adjust"]) expect(path?.hasAttribute(name)).toBe(false);
    expect(root.querySelector("path")?.getAttribute("class")).toBe("a"); // the page is as it was
    expect(root.querySelector("style")).not.toBeNull();
  });

  it("keep the drawings inside of them, each in its own coordinates", () => {
    const inner = '<svg viewBox="0 0 9 9"><circle r="3"/></svg>';
    const { svg } = figure(
      `<svg xmlns="http://www.w3.org/2000/svg" data-box="110 70 30 20">${inner}<rect/></svg>`,
    );
    const chart = svg.children[1];
    expect([...(chart?.children ?? [])].map((child) => child.localName)).toEqual(["svg", "rect"]);
    expect(chart?.querySelector("svg")?.getAttribute("viewBox")).toBe("0 0 9 9");
    expect(chart?.querySelector("svg circle")).not.toBeNull();
  });

  it("are vectors of canvases that can draw one, and crisp images of others", () => {
    const { root, svg } = figure('<canvas data-box="110 70 30 20"></canvas>');
    const image = svg.querySelector("image");
    expect(image?.getAttribute("transform")).toBe("translate(22,32)");
    expect(numbers(image, "width", "height")).toEqual([30, 20]);
    expect(image?.getAttribute("image-rendering")).toBe("pixelated");
    drawsAs(root.querySelector("canvas") as HTMLCanvasElement, () => '<circle r="3"/>');
    const vector = drawn(root).svg.children[1];
    expect(vector?.getAttribute("transform")).toBe("translate(22,32)");
    expect(vector?.innerHTML).toContain('<circle r="3"');
    expect(vector?.querySelector("image")).toBeNull();
  });
});
