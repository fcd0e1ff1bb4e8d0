/** Boxes and lines of text as SVG, from the style that the browser computed for them. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A piece of a figure, and what it covers; null where it is nothing that a figure has to hold. */
export interface Part {
  xml: string;
  box: Box | null;
}

/** Around those that cover anything. */
export function hull(boxes: Box[]): Box | null {
  const seen = boxes.filter(({ left, right, top, bottom }) => right > left || bottom > top);
  if (seen.length === 0) return null;
  return {
    left: Math.min(...seen.map(({ left }) => left)),
    top: Math.min(...seen.map(({ top }) => top)),
    right: Math.max(...seen.map(({ right }) => right)),
    bottom: Math.max(...seen.map(({ bottom }) => bottom)),
  };
}

/** A CSS colour as an attribute and, where it is not opaque, another: SVG's readers know no rgba(). "" where nothing is seen. */
export function colour(name: "fill" | "stroke", css: string, opacity = 1): string {
  const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)$/.exec(css);
  const [, rgb = null, alpha = "1"] = mixed
    ? [css, mixed.slice(1, 4).map((share) => Math.round(255 * Number(share))), mixed[4]]
    : (/^rgba?\(([^,]+, ?[^,]+, ?[^,]+?)(?:, ?([\d.e-]+))?\)$/.exec(css) ?? []);
  const seen = css === "transparent" || css === "" || css === "none" ? 0 : Number(alpha) * opacity;
  if (seen === 0) return "";
  const paint = rgb === null ? css : `rgb(${rgb})`;
  return `${name}="${xmlText(paint)}"${seen < 1 ? ` ${name}-opacity="${seen}"` : ""}`;
}

/** Fill, gradient, lines and rings of a box, as far as it has any. */
export function boxXml(style: CSSStyleDeclaration, box: Box): string {
  return fillXml(style, box) + gradientXml(style, box) + ringsXml(style, box) + bordersXml(style, box);
}

function fillXml(style: CSSStyleDeclaration, box: Box): string {
  const fill = colour("fill", style.backgroundColor);
  return fill === "" ? "" : `<rect ${placed(box)}${rounded(style, box)} ${fill}/>`;
}

/** A gradient in a straight line, from left to right or downwards; a share of the box where its size is one. */
function gradientXml(style: CSSStyleDeclaration, box: Box): string {
  const [, inside] = /^linear-gradient\((.*)\)$/.exec(style.backgroundImage) ?? [];
  if (inside === undefined) return "";
  const given = inside.split(/,(?![^(]*\))/).map((each) => each.trim());
  const sideways = given[0] === "to right";
  const stops = given.slice(Number(sideways)).flatMap((each) => /^(.*\)|#\w+|[a-z]+)/.exec(each)?.[0] ?? []);
  if (stops.length < 2) return "";
  const [, share = "100"] = /([\d.]+(?:e[-+]?\d+)?)%/.exec(style.backgroundSize) ?? [];
  const right = box.left + ((box.right - box.left) * Number(share)) / 100;
  const fill = { ...box, right: Math.max(right, box.left + 1) };
  if (new Set(stops).size === 1) return `<rect ${placed(fill)} ${colour("fill", stops[0] as string)}/>`;
  const id = `ramp-${hash(inside)}`;
  const xml = stops
    .map((stop, i) => `<stop offset="${i / (stops.length - 1)}" ${stopColour(stop)}/>`)
    .join("");
  const way = sideways ? 'x1="0" y1="0" x2="1" y2="0"' : 'x1="0" y1="0" x2="0" y2="1"';
  return `<linearGradient id="${id}" ${way}>${xml}</linearGradient><rect ${placed(fill)} fill="url(#${id})"/>`;
}

function stopColour(css: string): string {
  return colour("fill", css).replace("fill-opacity", "stop-opacity").replace("fill=", "stop-color=");
}

/** The same for the same words, so that two of the same gradient are one. */
function hash(words: string): string {
  let sum = 0;
  for (const letter of words) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
  return sum.toString(36);
}

/** Shadows inside of a box that are even lines along its edge, the first on top. */
function ringsXml(style: CSSStyleDeclaration, { left, top, right, bottom }: Box): string {
  const shadows = style.boxShadow.split(/,(?![^(]*\))/).reverse();
  return shadows
    .map((shadow) => {
      const [, css, width] = /^\s*(.*\)) 0px 0px 0px ([\d.]+)px inset$/.exec(shadow) ?? [];
      if (css === undefined || Number(width) === 0) return "";
      const half = Number(width) / 2;
      const ring = { left: left + half, top: top + half, right: right - half, bottom: bottom - half };
      return `<rect ${placed(ring)} fill="none" stroke-width="${width}" ${colour("stroke", css)}/>`;
    })
    .join("");
}

const SIDES = ["Top", "Right", "Bottom", "Left"] as const;

function bordersXml(style: CSSStyleDeclaration, box: Box): string {
  const lines = SIDES.map((side) => ({
    side,
    width: Number.parseFloat(style[`border${side}Width`]) || 0,
    stroke: colour("stroke", style[`border${side}Color`]),
    dashed: style[`border${side}Style`] === "dashed",
  })).filter(({ width, stroke }) => width > 0 && stroke !== "");
  const [first] = lines;
  if (first === undefined) return "";
  if (lines.length === 4) {
    const half = first.width / 2;
    const { left, top, right, bottom } = box;
    const ring = { left: left + half, top: top + half, right: right - half, bottom: bottom - half };
    return `<rect ${placed(ring)}${rounded(style, ring)} fill="none" stroke-width="${first.width}" ${first.stroke}/>`;
  }
  return lines
    .map(({ side, width, stroke, dashed }) => {
      const dash = dashed ? ' stroke-dasharray="3 3"' : "";
      return `<path d="${edge(box, side, width / 2)}" fill="none" stroke-width="${width}" ${stroke}${dash}/>`;
    })
    .join("");
}

/** Along a side of a box, this far inside of it. */
function edge({ left, top, right, bottom }: Box, side: (typeof SIDES)[number], inside: number): string {
  if (side === "Top") return `M${short(left)},${short(top + inside)}H${short(right)}`;
  if (side === "Bottom") return `M${short(left)},${short(bottom - inside)}H${short(right)}`;
  return `M${short(side === "Left" ? left + inside : right - inside)},${short(top)}V${short(bottom)}`;
}

function rounded({ borderTopLeftRadius }: CSSStyleDeclaration, box: Box): string {
  const least = Math.min(box.right - box.left, box.bottom - box.top);
  const given = Number.parseFloat(borderTopLeftRadius) || 0;
  const radius = borderTopLeftRadius.endsWith("%") ? (least * given) / 100 : given;
  return radius === 0 ? "" : ` rx="${Math.min(radius, least / 2)}"`;
}

export function placed({ left, top, right, bottom }: Box): string {
  return `x="${short(left)}" y="${short(top)}" width="${short(right - left)}" height="${short(bottom - top)}"`;
}

/** To a hundredth of a pixel. */
export function short(place: number): number {
  return Number(place.toFixed(2));
}

/** A font's ascent is about this share of its height. */
const ASCENT = 0.8;

/** A line of text, read from left to right, or upwards. */
export function textXml(text: string, box: Box, style: CSSStyleDeclaration, font: string): string {
  const upwards = style.writingMode.startsWith("vertical");
  const [x, y] = upwards
    ? [box.left + ASCENT * (box.right - box.left), box.bottom]
    : [box.left, box.top + ASCENT * (box.bottom - box.top)];
  const place = upwards
    ? `transform="translate(${short(x)},${short(y)}) rotate(-90)"`
    : `x="${short(x)}" y="${short(y)}"`;
  const family = style.fontFamily === font ? "" : ` font-family="${xmlText(style.fontFamily)}"`;
  const look = `font-size="${style.fontSize}" font-weight="${style.fontWeight}"${family}`;
  return `<text ${place} ${colour("fill", style.color)} ${look} xml:space="preserve">${xmlText(text)}</text>`;
}

export function xmlText(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? char,
  );
}
