/**
 * What is inside of an element, as parts of an SVG in its coordinates: boxes, lines of text, charts, canvases. Canvases
 * are asked for a vector of themselves; those that have none become crisp images.
 */
import { type Box, boxXml, colour, hull, type Part, placed, short, textXml } from "./marks";

const PAINTED = [
  ...["stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-style"],
  ...["text-anchor", "paint-order", "stroke-linecap", "stroke-linejoin"],
];
/** What charts consist of. */
const MARKS = "path, rect, circle, line, text, image";

/** Vectors of canvases, in their CSS pixels. */
const vectors = new WeakMap<HTMLCanvasElement, () => string>();

/** Lets a canvas be saved as a vector: `draw` gives the inside of an SVG element; "" = no vector now. */
export function drawsAs(canvas: HTMLCanvasElement, draw: () => string): void {
  vectors.set(canvas, draw);
}

export function partsOf(root: HTMLElement): Part[] {
  const { left, top } = root.getBoundingClientRect();
  const parts: Part[] = [];
  const within = { left, top, font: getComputedStyle(root).fontFamily };
  for (const child of root.children) walk(child, within, parts);
  return parts;
}

/** Where the figure begins on the page, and the font that it is written in. */
interface Within {
  left: number;
  top: number;
  font: string;
}

function walk(element: Element, within: Within, parts: Part[]): void {
  const style = getComputedStyle(element);
  if (isUnseen(style)) return;
  if (element instanceof SVGSVGElement) return void parts.push(chartPart(element, within));
  if (element instanceof HTMLCanvasElement) return void parts.push(canvasPart(element, within));
  const box = boxOf(element, within);
  if (element instanceof HTMLSelectElement) {
    const chosen = element.selectedOptions[0]?.textContent ?? "";
    return void parts.push({ xml: textXml(chosen, box, style, within.font), box });
  }
  push(parts, boxXml(style, box), box);
  pushBefore(element, box, parts);
  for (const child of element.childNodes) {
    if (child instanceof Element) walk(child, within, parts);
    else if (child instanceof Text) parts.push(...linesOf(child, style, within));
  }
}

function isUnseen({ display, visibility }: CSSStyleDeclaration): boolean {
  return display === "none" || visibility === "hidden";
}

function push(parts: Part[], xml: string, box: Box): void {
  if (xml !== "") parts.push({ xml, box });
}

/** What a style sheet draws into an element before all else. */
function pushBefore(element: Element, { left, top }: Box, parts: Part[]): void {
  const style = getComputedStyle(element, "::before");
  if (!/^["']/.test(style.content) || style.position !== "absolute") return;
  const [x, y] = [left + Number.parseFloat(style.left), top + Number.parseFloat(style.top)];
  const box = {
    left: x,
    top: y,
    right: x + Number.parseFloat(style.width),
    bottom: y + Number.parseFloat(style.height),
  };
  push(parts, boxXml(style, box), box);
}

function chartPart(element: SVGSVGElement, within: Within): Part {
  const { left, top } = boxOf(element, within);
  const copy = element.cloneNode(true) as SVGSVGElement;
  const originals = element.querySelectorAll("*");
  const gone: Element[] = [];
  const boxes: Box[] = [];
  for (const [index, node] of [...copy.querySelectorAll("*")].entries()) {
    const original = originals[index];
    if (original === undefined || node instanceof SVGStyleElement) continue;
    const style = getComputedStyle(original);
    if (isUnseen(style)) gone.push(node);
    else paint(node, style);
    if (original.matches(MARKS)) boxes.push(boxOf(original, within));
  }
  for (const node of [...gone, ...copy.querySelectorAll("style")]) node.remove();
  const inside = new XMLSerializer().serializeToString(copy).replace(/^<svg[^>]*>|<\/svg>$/g, "");
  return { xml: `<g transform="translate(${short(left)},${short(top)})">${inside}</g>`, box: hull(boxes) };
}

/** Writes the computed style of a mark into its attributes. */
function paint(node: Element, style: CSSStyleDeclaration): void {
  node.removeAttribute("class");
  node.removeAttribute("style");
  for (const name of ["fill", "stroke"] as const) {
    const css = style.getPropertyValue(name);
    if (css === "") continue;
    node.removeAttribute(`${name}-opacity`);
    const given = Number.parseFloat(style.getPropertyValue(`${name}-opacity`) || "1");
    const attributes = colour(name, css, given) || `${name}="none"`;
    for (const [, key, value] of attributes.matchAll(/([\w-]+)="([^"]*)"/g)) {
      node.setAttribute(key as string, value as string);
    }
  }
  for (const name of PAINTED) {
    const value = style.getPropertyValue(name);
    if (value !== "") node.setAttribute(name, value);
  }
}

function canvasPart(canvas: HTMLCanvasElement, within: Within): Part {
  const box = boxOf(canvas, within);
  const vector = vectors.get(canvas)?.() ?? "";
  const xml =
    vector === ""
      ? `<image ${placed(box)} image-rendering="pixelated" href="${canvas.toDataURL()}"/>`
      : `<g transform="translate(${short(box.left)},${short(box.top)})">${vector}</g>`;
  return { xml, box };
}

/** The text of a node, line by line where it was wrapped. */
function linesOf(node: Text, style: CSSStyleDeclaration, within: Within): Part[] {
  const lines: { text: string; box: Box }[] = [];
  const along = style.writingMode.startsWith("vertical") ? "left" : "top";
  const range = document.createRange();
  const rectsOf = (start: number, length: number) => {
    range.setStart(node, start);
    range.setEnd(node, start + length);
    return range.getClientRects();
  };
  /** Words; of one that is broken, its letters. */
  const pieces = [...node.data.matchAll(/\S+\s*|\s+/g)].flatMap((word) =>
    rectsOf(word.index, word[0].length).length < 2
      ? [{ text: word[0], index: word.index }]
      : [...word[0].matchAll(/./gsu)].map((letter) => ({
          text: letter[0],
          index: word.index + letter.index,
        })),
  );
  for (const { text, index } of pieces) {
    const rect = rectsOf(index, text.length)[0];
    if (rect === undefined || rect.width === 0) continue;
    const box = moved(rect, within);
    const line = lines.at(-1);
    if (line === undefined || Math.abs(line.box[along] - box[along]) >= 2) lines.push({ text, box });
    else {
      line.text += text;
      // From right to left, the first word is not the leftmost.
      const { left, top, right, bottom } = hull([line.box, box]) ?? box;
      Object.assign(line.box, along === "top" ? { left, right } : { top, bottom });
    }
  }
  return lines
    .filter(({ text }) => text.trim() !== "")
    .map(({ text, box }) => ({ xml: textXml(text.trimEnd(), box, style, within.font), box }));
}

function boxOf(element: Element, within: Within): Box {
  return moved(element.getBoundingClientRect(), within);
}

function moved({ left, top, width, height }: DOMRect, from: Within): Box {
  const [x, y] = [left - from.left, top - from.top];
  return { left: x, top: y, right: x + width, bottom: y + height };
}
