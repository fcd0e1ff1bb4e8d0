/**
 * A panel as it is on the screen, as one standalone SVG: charts and text as vectors, colours as they are
 * seen. Canvases are asked for a vector of themselves; those that have none become crisp images.
 */

const SVG = "http://www.w3.org/2000/svg";
/** Not part of a figure. */
const LEFT_OUT = ".ie-save, .ie-hidden, input, button.ie-button, .ie-window-end, .ie-link";
const PAINTED = [
  ...["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity"],
  ...[
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "paint-order",
    "stroke-linecap",
    "stroke-linejoin",
  ],
];
const MARGIN = 12;

/** Vectors of canvases, in their CSS pixels. */
const vectors = new WeakMap<HTMLCanvasElement, () => string>();

/** Lets a canvas be saved as a vector: `draw` gives the inside of an SVG element. */
export function drawsAs(canvas: HTMLCanvasElement, draw: () => string): void {
  vectors.set(canvas, draw);
}

export interface Figure {
  text: string;
  width: number;
  height: number;
}

export function figureOf(root: HTMLElement): Figure {
  const box = root.getBoundingClientRect();
  const [width, height] = [Math.ceil(box.width) + 2 * MARGIN, Math.ceil(box.height) + 2 * MARGIN];
  const parts: string[] = [];
  walk(root, [box.left - MARGIN, box.top - MARGIN], parts);
  const ground = background(root);
  const font = xmlText(getComputedStyle(root).fontFamily);
  const text = legal(
    `<svg xmlns="${SVG}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${font}">` +
      `<rect width="${width}" height="${height}" fill="${ground}"/>${parts.join("")}</svg>`,
  );
  return { text, width, height };
}

type Origin = readonly [x: number, y: number];

function walk(element: Element, origin: Origin, parts: string[]): void {
  if (element.matches(LEFT_OUT)) return;
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden") return;
  if (element instanceof SVGSVGElement) return void parts.push(svgPart(element, origin));
  if (element instanceof HTMLCanvasElement) return void parts.push(canvasPart(element, origin));
  parts.push(boxPart(element, style, origin));
  if (element instanceof HTMLSelectElement) {
    const chosen = element.selectedOptions[0]?.textContent ?? "";
    const { left, top, height } = element.getBoundingClientRect();
    return void parts.push(textPart(chosen, { left, top, height }, style, origin));
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) walk(child, origin, parts);
    else if (child instanceof Text) parts.push(...linesOf(child, style, origin));
  }
}

function svgPart(element: SVGSVGElement, origin: Origin): string {
  const { left, top } = element.getBoundingClientRect();
  const copy = element.cloneNode(true) as SVGSVGElement;
  const originals = element.querySelectorAll("*");
  for (const [index, node] of [...copy.querySelectorAll("*")].entries()) {
    const original = originals[index];
    if (original === undefined || node instanceof SVGStyleElement) continue;
    const style = getComputedStyle(original);
    for (const name of PAINTED) {
      const value = style.getPropertyValue(name);
      if (value !== "") node.setAttribute(name, value);
    }
    node.removeAttribute("class");
    node.removeAttribute("style");
  }
  for (const style of copy.querySelectorAll("style")) style.remove();
  const inside = new XMLSerializer().serializeToString(copy).replace(/^<svg[^>]*>|<\/svg>$/g, "");
  return `<g transform="translate(${left - origin[0]},${top - origin[1]})">${inside}</g>`;
}

function canvasPart(canvas: HTMLCanvasElement, origin: Origin): string {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const draw = vectors.get(canvas);
  const place = `translate(${left - origin[0]},${top - origin[1]})`;
  if (draw !== undefined) return `<g transform="${place}">${draw()}</g>`;
  return `<image transform="${place}" width="${width}" height="${height}" image-rendering="pixelated" href="${canvas.toDataURL()}"/>`;
}

/** Background and border of an element, where it has any. */
function boxPart(element: Element, style: CSSStyleDeclaration, origin: Origin): string {
  const { left, top, width, height } = element.getBoundingClientRect();
  const [x, y] = [left - origin[0], top - origin[1]];
  let part = "";
  if (isSeen(style.backgroundColor)) {
    part += `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${style.backgroundColor}"/>`;
  }
  const line = Number.parseFloat(style.borderBottomWidth);
  if (line > 0 && isSeen(style.borderBottomColor)) {
    part += `<rect x="${x}" y="${y + height - line}" width="${width}" height="${line}" fill="${style.borderBottomColor}"/>`;
  }
  return part;
}

function isSeen(color: string): boolean {
  return color !== "transparent" && !/rgba\(.*, 0\)$/.test(color);
}

/** The text of a node, line by line where it was wrapped. */
function linesOf(node: Text, style: CSSStyleDeclaration, origin: Origin): string[] {
  const lines: { text: string; left: number; top: number; height: number }[] = [];
  const range = document.createRange();
  for (const { 0: word, index } of node.data.matchAll(/\S+\s*|\s+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const box = range.getClientRects()[0];
    if (box === undefined || box.width === 0) continue;
    const line = lines.at(-1);
    if (line !== undefined && Math.abs(line.top - box.top) < 2) {
      line.text += word;
      line.left = Math.min(line.left, box.left); // from right to left, the first word is not the leftmost
    } else lines.push({ text: word, left: box.left, top: box.top, height: box.height });
  }
  return lines.map((line) => textPart(line.text, line, style, origin));
}

function textPart(
  text: string,
  { left, top, height }: { left: number; top: number; height: number },
  style: CSSStyleDeclaration,
  origin: Origin,
): string {
  // A font's ascent is about four fifths of its height.
  const [x, y] = [left - origin[0], top - origin[1] + 0.8 * height];
  const font = `font-family="${xmlText(style.fontFamily)}" font-size="${style.fontSize}" font-weight="${style.fontWeight}"`;
  return `<text x="${x}" y="${y}" fill="${style.color}" ${font} xml:space="preserve">${xmlText(text)}</text>`;
}

function background(element: Element): string {
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const { backgroundColor } = getComputedStyle(at);
    if (isSeen(backgroundColor)) return backgroundColor;
  }
  return "#ffffff";
}

export function xmlText(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? char,
  );
}

/** Characters that XML 1.0 has no place for, not even as references, as the sign for what is missing. */
function legal(xml: string): string {
  return xml.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\ufffd");
}

/** The figure as PNG, twice as many pixels as on the screen. */
export async function pngOf({ text, width, height }: Figure): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error("no PNG")) : resolve(blob)), "image/png");
  });
}
