// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { figureOf } from "../../js/src/export/figure";
import { drawsAs } from "../../js/src/export/parts";

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
  it("is cut to what is drawn, with the same margin on all sides", () => {
    const { root, svg } = figure(
      '<p data-box="110 60 30 10" style="background-color: red"></p><p data-box="150 90 10 10" style="background-color: red"></p>',
    );
    expect(figureOf(root)).toMatchObject({ width: 50 + 28, height: 40 + 28 });
    expect(numbers(svg, "width", "height")).toEqual([78, 68]);
    expect(svg.getAttribute("viewBox")).toBe("-4 -4 78 68");
    expect(numbers(svg.firstElementChild, "x", "y", "width", "height")).toEqual([-4, -4, 78, 68]);
  });

  it("has no room for what draws nothing, nor for marks without a size", () => {
    const painted = '<p data-box="110 60 30 10" style="background-color: red"></p>';
    const { width, height } = figureOf(figure(painted).root);
    const unpainted = `<div data-box="0 0 900 900">${painted}</div>`;
    const empty = `${painted}<svg xmlns="http://www.w3.org/2000/svg" data-box="0 0 900 900"><path data-box="900 900 0 0"/></svg>`;
    for (const inside of [unpainted, empty]) {
      expect(figureOf(figure(inside).root)).toMatchObject({ width, height });
    }
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

  it.each(["display: none", "visibility: hidden"])("leaves out what is not seen: %s", (style) => {
    lines([[0, [110, 60, 20, 10]]]);
    expect(figure(`<div><span style="${style}">gone</span></div>`).svg.children).toHaveLength(1);
    expect(figure("<div><button>kept</button></div>").svg.querySelector("text")?.textContent).toBe("kept");
  });
});

describe("boxes of a figure", () => {
  it("are filled where they are, and not where nothing is seen", () => {
    const at = 'data-box="110 70 30 20"';
    const filled = figure(`<div ${at} style="background-color: rgb(9, 8, 7)"></div>`).svg.children[1];
    expect(filled?.getAttribute("fill")).toBe("rgb(9, 8, 7)");
    expect(numbers(filled, "x", "y", "width", "height")).toEqual([10, 20, 30, 20]);
    for (const unseen of ["transparent", "rgba(9, 8, 7, 0)"]) {
      expect(figure(`<div ${at} style="background-color: ${unseen}"></div>`).svg.children).toHaveLength(1);
    }
    const half = figure(`<div ${at} style="background-color: rgba(9, 8, 7, 0.5)"></div>`);
    expect(half.svg.children[1]?.getAttribute("fill")).toBe("rgb(9, 8, 7)"); // no reader of SVG knows rgba()
    expect(half.svg.children[1]?.getAttribute("fill-opacity")).toBe("0.5");
  });

  it("have the line below them, inside of the box", () => {
    const at = 'data-box="110 70 30 20"';
    const border = (width: number, color: string) =>
      figure(`<div ${at} style="border-bottom: ${width}px solid ${color}"></div>`).svg.children;
    const line = border(2, "rgb(9, 8, 7)")[1];
    expect(line?.getAttribute("d")).toBe("M10,39H40");
    expect(line?.getAttribute("stroke")).toBe("rgb(9, 8, 7)");
    expect(line?.getAttribute("stroke-width")).toBe("2");
    expect(border(0, "rgb(9, 8, 7)")).toHaveLength(1);
    expect(border(2, "rgba(9, 8, 7, 0)")).toHaveLength(1);
  });
});

describe("colours and lines of a box", () => {
  const at = 'data-box="110 70 30 20"';
  const drawnIn = (style: string) => figure(`<div ${at} style="${style}"></div>`).svg;

  it("are a gradient with all its colours, evenly apart", () => {
    const svg = drawnIn(
      "background-image: linear-gradient(to right, rgb(1, 2, 3), rgba(4, 5, 6, 0.5), rgb(7, 8, 9))",
    );
    const ramp = svg.querySelector("linearGradient");
    const stops = [...(ramp?.children ?? [])];
    expect(stops.map((stop) => [stop.getAttribute("offset"), stop.getAttribute("stop-color")])).toEqual([
      ["0", "rgb(1, 2, 3)"],
      ["0.5", "rgb(4, 5, 6)"],
      ["1", "rgb(7, 8, 9)"],
    ]);
    expect(stops.map((stop) => stop.getAttribute("stop-opacity"))).toEqual([null, "0.5", null]);
    expect(numbers(ramp, "x1", "y1", "x2", "y2")).toEqual([0, 0, 1, 0]);
    const bar = svg.querySelector("rect[fill^=url]");
    expect(bar?.getAttribute("fill")).toBe(`url(#${ramp?.id})`);
    expect(numbers(bar, "x", "y", "width", "height")).toEqual([10, 20, 30, 20]);
  });

  it.each([
    ["50%", 15],
    ["max(1px, 50%)", 15],
    ["max(1px, 1e-7%)", 1],
    ["auto", 30],
  ])("are a bar as long as its share: %s", (size, width) => {
    const flat = "background-image: linear-gradient(rgb(1, 2, 3), rgb(1, 2, 3))";
    const bar = drawnIn(`${flat}; background-size: ${size}`).children[1];
    expect(bar?.getAttribute("fill")).toBe("rgb(1, 2, 3)");
    expect(numbers(bar, "x", "width")).toEqual([10, width]);
  });

  it("are its rings, the first on top, each inside of the box", () => {
    const rings = "rgb(1, 2, 3) 0px 0px 0px 3px inset, rgb(4, 5, 6) 0px 0px 0px 4px inset";
    const [, below, above] = [...drawnIn(`box-shadow: ${rings}`).children];
    expect(below?.getAttribute("stroke")).toBe("rgb(4, 5, 6)");
    expect(numbers(below, "stroke-width", "x", "y", "width", "height")).toEqual([4, 12, 22, 26, 16]);
    expect(above?.getAttribute("stroke")).toBe("rgb(1, 2, 3)");
  });

  it("go around it where all four sides have a line", () => {
    const ring = drawnIn("border: 2px solid rgb(1, 2, 3); border-radius: 50%").children[1];
    expect(numbers(ring, "stroke-width", "x", "y", "width", "height", "rx")).toEqual([2, 11, 21, 28, 18, 9]);
    expect(ring?.getAttribute("fill")).toBe("none");
  });
});

describe("what a style sheet draws before an element", () => {
  const before = {
    content: '""',
    position: "absolute",
    left: "4px",
    top: "5px",
    width: "6px",
    height: "7px",
  };
  const drawnBefore = (change: Record<string, string>) => {
    const styleOf = window.getComputedStyle.bind(window);
    vi.spyOn(window, "getComputedStyle").mockImplementation((element, pseudo) => {
      const style = styleOf(element);
      if (pseudo !== "::before" || element.localName !== "p") return style;
      return { ...style, backgroundColor: "rgb(1, 2, 3)", ...before, ...change } as CSSStyleDeclaration;
    });
    return figure('<p data-box="110 70 30 20"></p>').svg.children[1];
  };

  it("stands in the figure, where it is drawn", () => {
    const mark = drawnBefore({});
    expect(mark?.getAttribute("fill")).toBe("rgb(1, 2, 3)");
    expect(numbers(mark, "x", "y", "width", "height")).toEqual([14, 25, 6, 7]);
  });

  it.each([{ content: "none" }, { content: "normal" }, { position: "static" }])(
    "is nothing where it draws nothing of its own: %j",
    (change) => {
      expect(drawnBefore(change)).toBeUndefined();
    },
  );
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
    expect(texts(svg).map((line) => line.textContent)).toEqual(["one two", "six"]);
    expect(texts(svg).map((line) => numbers(line, "x", "y"))).toEqual([
      [10, 18],
      [10, 20],
    ]);
    const line = texts(svg)[0];
    expect(line?.getAttribute("fill")).toBe("rgb(1, 2, 3)");
    expect(line?.getAttribute("font-size")).toBe("11px");
    expect(line?.getAttribute("font-weight")).toMatch(/bold|700/);
    expect(line?.getAttribute("font-family")).toBe("serif");
    expect(line?.getAttribute("xml:space")).toBe("preserve");
  });

  it("runs upwards where it does on the page", () => {
    lines([[0, [110, 60, 10, 40]]]);
    const line = texts(figure('<p style="writing-mode: vertical-rl">query</p>').svg)[0];
    expect(line?.getAttribute("transform")).toBe("translate(18,50) rotate(-90)");
    expect(line?.hasAttribute("x")).toBe(false);
    lines([
      [0, [110, 60, 10, 20]],
      [6, [110, 80, 10, 30]],
    ]);
    const two = texts(figure('<p style="writing-mode: vertical-rl">query key</p>').svg);
    expect(two.map((each) => each.getAttribute("transform"))).toEqual(["translate(18,60) rotate(-90)"]);
  });

  it("begins at the leftmost word, which from right to left is not the first", () => {
    lines([
      [0, [150, 60, 20, 10]],
      [4, [110, 60, 40, 10]],
    ]);
    expect(numbers(texts(figure("<p>one two</p>").svg)[0], "x")).toEqual([10]);
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
    expect(texts(figure("<p>one two six</p>").svg).map((line) => line.textContent)).toEqual(["two"]);
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
      ["two", 10, 18],
    ]);
    expect(texts(figure("<select></select>").svg).map((line) => line.textContent)).toEqual([""]);
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
    expect(chart?.getAttribute("transform")).toBe("translate(10,20)");
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

  it("are as clear as they are seen", () => {
    const marks = [
      "fill: rgb(1, 2, 3); fill-opacity: 0.5",
      "fill: rgba(1, 2, 3, 0.5); fill-opacity: 0.5",
      "fill: none; stroke: rgb(4, 5, 6)",
    ].map((style) => `<path style="${style}" fill-opacity="1" d="M0,0"/>`);
    const { svg } = figure(
      `<svg xmlns="http://www.w3.org/2000/svg" data-box="110 70 30 20">${marks.join("")}</svg>`,
    );
    const paths = [...svg.querySelectorAll("path")];
    expect(paths.map((path) => [path.getAttribute("fill"), path.getAttribute("fill-opacity")])).toEqual([
      ["rgb(1, 2, 3)", "0.5"],
      ["rgb(1, 2, 3)", "0.25"],
      ["none", null],
    ]);
    expect(paths[2]?.getAttribute("stroke")).toBe("rgb(4, 5, 6)");
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
    expect(numbers(image, "x", "y", "width", "height")).toEqual([10, 20, 30, 20]);
    expect(image?.getAttribute("image-rendering")).toBe("pixelated");
    drawsAs(root.querySelector("canvas") as HTMLCanvasElement, () => '<circle r="3"/>');
    const vector = drawn(root).svg.children[1];
    expect(vector?.getAttribute("transform")).toBe("translate(10,20)");
    expect(vector?.innerHTML).toContain('<circle r="3"');
    expect(vector?.querySelector("image")).toBeNull();
  });
});
