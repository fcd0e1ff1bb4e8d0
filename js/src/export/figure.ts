/** A panel as one standalone SVG: charts and text as vectors, cut to what is drawn, with an even margin. */
import { colour, hull, xmlText } from "./marks";
import { partsOf } from "./parts";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 14;
const NOTHING = { left: 0, top: 0, right: 0, bottom: 0 };

export interface Figure {
  text: string;
  width: number;
  height: number;
}

export function figureOf(root: HTMLElement): Figure {
  const parts = partsOf(root);
  const ground = background(root);
  const seen = hull(parts.flatMap(({ box }) => box ?? [])) ?? NOTHING;
  const [left, top] = [Math.floor(seen.left) - MARGIN, Math.floor(seen.top) - MARGIN];
  const [width, height] = [Math.ceil(seen.right) + MARGIN - left, Math.ceil(seen.bottom) + MARGIN - top];
  const font = xmlText(getComputedStyle(root).fontFamily);
  const text = legal(
    `<svg xmlns="${SVG}" width="${width}" height="${height}" viewBox="${left} ${top} ${width} ${height}" font-family="${font}">` +
      `<rect x="${left}" y="${top}" width="${width}" height="${height}" ${colour("fill", ground)}/>` +
      `${parts.map(({ xml }) => xml).join("")}</svg>`,
  );
  return { text, width, height };
}

function background(element: Element): string {
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const { backgroundColor } = getComputedStyle(at);
    if (colour("fill", backgroundColor) !== "") return backgroundColor;
  }
  return "#ffffff";
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
