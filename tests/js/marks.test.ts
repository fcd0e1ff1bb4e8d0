import { describe, expect, it } from "vitest";
import { boxXml, colour, hull, short, textXml, xmlText } from "../../js/src/export/marks";

const BOX = { left: 10, top: 20, right: 40, bottom: 40 };
/** What a browser computes for a box that nothing is said of. */
const PLAIN = {
  ...{ backgroundColor: "rgba(0, 0, 0, 0)", backgroundImage: "none", backgroundSize: "auto" },
  ...{ boxShadow: "none", borderTopLeftRadius: "0px", writingMode: "horizontal-tb" },
  ...{ color: "rgb(1, 2, 3)", fontFamily: "serif", fontSize: "11px", fontWeight: "400" },
  ...lined(["Top", "Right", "Bottom", "Left"], 0, "none"),
};
const styled = (style: Record<string, string>) => ({ ...PLAIN, ...style }) as unknown as CSSStyleDeclaration;
const box = (style: Record<string, string>) => boxXml(styled(style), BOX);

/** A line of this width along these sides. */
function lined(sides: string[], width: number, style = "solid"): Record<string, string> {
  return Object.fromEntries(
    sides.flatMap((side) => [
      [`border${side}Width`, `${width}px`],
      [`border${side}Color`, "rgb(1, 2, 3)"],
      [`border${side}Style`, style],
    ]),
  );
}

describe("a colour", () => {
  it.each([
    ["rgb(1, 2, 3)", 'fill="rgb(1, 2, 3)"'],
    ["rgb(1,2,3)", 'fill="rgb(1,2,3)"'],
    ["rgba(1, 2, 3, 0.5)", 'fill="rgb(1, 2, 3)" fill-opacity="0.5"'],
    ["rgba(1,2,3,.25)", 'fill="rgb(1,2,3)" fill-opacity="0.25"'],
    ["color(srgb 0.2 0.4 1)", 'fill="rgb(51,102,255)"'],
    ["color(srgb 0.2 0.4 0.6 / 0.25)", 'fill="rgb(51,102,153)" fill-opacity="0.25"'],
    ["color(srgb 1e-7 0 0.125)", 'fill="rgb(0,0,32)"'],
    ["#fff", 'fill="#fff"'],
    ["url(#ramp)", 'fill="url(#ramp)"'],
  ])("is one that readers of SVG know: %s", (css, attributes) => {
    expect(colour("fill", css)).toBe(attributes);
    expect(colour("stroke", css)).toBe(attributes.replaceAll("fill", "stroke"));
  });

  it.each(["transparent", "none", "", "rgba(1, 2, 3, 0)", "color(srgb 1 1 1 / 0)"])(
    "is nothing where nothing is seen: %j",
    (css) => {
      expect(colour("fill", css)).toBe("");
    },
  );

  it("is as clear as itself and what it is in, together", () => {
    expect(colour("fill", "rgba(1, 2, 3, 0.5)", 0.5)).toBe('fill="rgb(1, 2, 3)" fill-opacity="0.25"');
    expect(colour("fill", "rgb(1, 2, 3)", 0)).toBe("");
  });
});

describe("the hull of boxes", () => {
  it("goes around all that cover anything, a line as well, and no empty one", () => {
    const line = { left: 0, top: 50, right: 100, bottom: 50 };
    const nothing = { left: -99, top: -99, right: -99, bottom: -99 };
    expect(hull([BOX, line, nothing])).toEqual({ left: 0, top: 20, right: 100, bottom: 50 });
    expect(hull([nothing])).toBeNull();
    expect(hull([])).toBeNull();
  });
});

describe("a box", () => {
  it("of nothing is nothing", () => {
    expect(box({})).toBe("");
    expect(box(lined(["Top"], 0))).toBe("");
    expect(box({ ...lined(["Top"], 2), borderTopColor: "transparent" })).toBe("");
  });

  it("is filled to its corners, which are as round as its style says and its size lets them be", () => {
    const fill = 'fill="rgb(4, 5, 6)"';
    const filled = (borderTopLeftRadius: string) =>
      box({ backgroundColor: "rgb(4, 5, 6)", borderTopLeftRadius });
    const rect = '<rect x="10" y="20" width="30" height="20"';
    expect(filled("0px")).toBe(`${rect} ${fill}/>`);
    expect(filled("3px")).toBe(`${rect} rx="3" ${fill}/>`);
    expect(filled("25%")).toBe(`${rect} rx="5" ${fill}/>`); // of the shorter side
    expect(filled("99px")).toBe(`${rect} rx="10" ${fill}/>`);
  });

  it.each([
    ["Top", "M10,21H40"],
    ["Bottom", "M10,39H40"],
    ["Left", "M11,20V40"],
    ["Right", "M39,20V40"],
  ])("has a line inside of its edge: %s", (side, path) => {
    const stroke = `stroke-width="2" stroke="rgb(1, 2, 3)"`;
    expect(box(lined([side], 2))).toBe(`<path d="${path}" fill="none" ${stroke}/>`);
    expect(box(lined([side], 2, "dashed"))).toBe(
      `<path d="${path}" fill="none" ${stroke} stroke-dasharray="3 3"/>`,
    );
  });

  it("has a line along each side that has one", () => {
    const paths = [...box(lined(["Top", "Left"], 2)).matchAll(/d="([^"]*)"/g)].map(([, d]) => d);
    expect(paths).toEqual(["M10,21H40", "M11,20V40"]);
  });

  it("has one ring where all four sides have a line", () => {
    expect(box(lined(["Top", "Right", "Bottom", "Left"], 2))).toBe(
      '<rect x="11" y="21" width="28" height="18" fill="none" stroke-width="2" stroke="rgb(1, 2, 3)"/>',
    );
  });

  it("has its inner rings, and no shadow around it", () => {
    const ring =
      '<rect x="11" y="21" width="28" height="18" fill="none" stroke-width="2" stroke="rgb(1, 2, 3)"/>';
    expect(box({ boxShadow: "rgb(1, 2, 3) 0px 0px 0px 2px inset" })).toBe(ring);
    expect(box({ boxShadow: "rgb(1, 2, 3) 0px 0px 0px 0px inset" })).toBe("");
    expect(box({ boxShadow: "rgb(1, 2, 3) 0px 0px 0px 2px" })).toBe("");
    expect(box({ boxShadow: "rgb(1, 2, 3) 0px 1px 4px 2px inset" })).toBe("");
  });
});

describe("a gradient", () => {
  const RED_TO_BLUE = "rgb(255, 0, 0), rgb(0, 0, 255)";
  const drawn = (backgroundImage: string, backgroundSize = "auto") =>
    box({ backgroundImage, backgroundSize });
  const way = (xml: string) => /x1="\d" y1="\d" x2="\d" y2="\d"/.exec(xml)?.[0];

  it("runs downwards, or from left to right where it says so", () => {
    expect(way(drawn(`linear-gradient(${RED_TO_BLUE})`))).toBe('x1="0" y1="0" x2="0" y2="1"');
    expect(way(drawn(`linear-gradient(to right, ${RED_TO_BLUE})`))).toBe('x1="0" y1="0" x2="1" y2="0"');
  });

  it("is of all its colours, with or without places, names, or transparency", () => {
    const xml = drawn("linear-gradient(rgba(255, 0, 0, 0.5) 0%, #00f 50%, white)");
    expect([...xml.matchAll(/<stop [^>]*>/g)].map(([stop]) => stop)).toEqual([
      '<stop offset="0" stop-color="rgb(255, 0, 0)" stop-opacity="0.5"/>',
      '<stop offset="0.5" stop-color="#00f"/>',
      '<stop offset="1" stop-color="white"/>',
    ]);
  });

  it("has a name of its own, the same for the same colours", () => {
    const id = (xml: string) => /id="([^"]*)"/.exec(xml)?.[1];
    const [one, same, other] = [RED_TO_BLUE, RED_TO_BLUE, "rgb(0, 0, 255), rgb(255, 0, 0)"].map((stops) =>
      drawn(`linear-gradient(${stops})`),
    );
    expect(one).toBe(same);
    expect(id(one ?? "")).not.toBe(id(other ?? ""));
    expect(one).toContain(`fill="url(#${id(one ?? "")})"`);
  });

  it.each(["none", "url(a.png)", "linear-gradient(red)", "radial-gradient(red, blue)"])(
    "is none where there is none in a straight line: %s",
    (image) => {
      expect(drawn(image)).toBe("");
    },
  );
});

describe("a line of text", () => {
  const text = (style = {}, font = "serif") => textXml('a & "b"', BOX, styled(style), font);

  it("stands on its baseline, in its colour, size and weight", () => {
    expect(text()).toBe(
      '<text x="10" y="36" fill="rgb(1, 2, 3)" font-size="11px" font-weight="400" xml:space="preserve">a &amp; &quot;b&quot;</text>',
    );
  });

  it("names its font where that is not the figure's", () => {
    expect(text({ fontFamily: '"A", mono' })).toContain(' font-family="&quot;A&quot;, mono" ');
    expect(text()).not.toContain("font-family");
  });

  it("runs upwards from the lower end", () => {
    expect(text({ writingMode: "vertical-rl" })).toMatch(
      /^<text transform="translate\(34,40\) rotate\(-90\)" /,
    );
  });
});

describe("what an attribute holds", () => {
  it("is escaped", () => {
    expect(xmlText(`<a href="x">&'</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;");
  });

  it("is exact to a hundredth of a pixel", () => {
    expect([0, 1 / 3, -2 / 3, 1e-9].map(short)).toEqual([0, 0.33, -0.67, 0]);
  });
});
