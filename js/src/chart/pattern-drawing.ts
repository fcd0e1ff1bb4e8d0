/** A lower triangle of attention as an image of one pixel a cell, which CSS scales up. */
import { lut, type Theme } from "../ui/color";

/** Paints `triangle` (uint8, row-major), or nothing where there is none yet. */
export function drawPattern(
  canvas: HTMLCanvasElement,
  tokens: number,
  triangle: Uint8Array | null,
  theme: Theme,
): void {
  if (canvas.width !== tokens || canvas.height !== tokens) [canvas.width, canvas.height] = [tokens, tokens];
  const context = canvas.getContext("2d");
  if (context === null || tokens === 0) return;
  const image = context.createImageData(tokens, tokens);
  if (triangle !== null)
    paint(new Uint32Array(image.data.buffer), tokens, triangle, lut("sequential", theme));
  context.putImageData(image, 0, 0);
}

/** Row = query, column = key; cells above the diagonal stay transparent. */
export function paint(pixels: Uint32Array, tokens: number, triangle: Uint8Array, table: Uint32Array): void {
  let cell = 0;
  for (let query = 0; query < tokens; query++) {
    for (let key = 0; key <= query; key++) {
      pixels[query * tokens + key] = table[triangle[cell++] as number] as number;
    }
  }
}
