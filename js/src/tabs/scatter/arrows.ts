/** From where each head's dot was at the checkpoint compared with to where it is. */

/** In CSS pixels; the tip ends at the dot. */
export interface Arrow {
  from: readonly [x: number, y: number];
  to: readonly [x: number, y: number];
  color: string;
  width: number;
}

interface Dot {
  x: number;
  y: number;
  radius: number;
  color: string;
}

/** Of the tip, from its point to its base, and half of its base. */
const [TIP, HALF] = [7, 3.5];

/** The arrow to a dot from a place; null where they all but touch or one of them is missing. */
export function arrowTo(
  { x, y, radius, color }: Dot,
  [fromX, fromY]: [number, number],
  width: number,
): Arrow | null {
  const length = Math.hypot(x - fromX, y - fromY);
  if (!(length > radius + TIP)) return null;
  const share = (length - radius) / length;
  return {
    from: [fromX, fromY],
    to: [fromX + share * (x - fromX), fromY + share * (y - fromY)],
    color,
    width,
  };
}

/** The corners of the tip, and the middle of its base, where the line ends. */
function tipOf({ from: [fromX, fromY], to: [x, y] }: Arrow) {
  const length = Math.hypot(x - fromX, y - fromY);
  const [dx, dy] = [(x - fromX) / length, (y - fromY) / length];
  const [baseX, baseY] = [x - TIP * dx, y - TIP * dy];
  const corners = [
    [x, y],
    [baseX - HALF * dy, baseY + HALF * dx],
    [baseX + HALF * dy, baseY - HALF * dx],
  ] as const;
  return { base: [baseX, baseY] as const, corners };
}

export function drawArrows(context: CanvasRenderingContext2D, arrows: Arrow[]): void {
  for (const arrow of arrows) {
    const { base, corners } = tipOf(arrow);
    context.strokeStyle = context.fillStyle = arrow.color;
    context.lineWidth = arrow.width;
    context.beginPath();
    context.moveTo(...arrow.from);
    context.lineTo(...base);
    context.stroke();
    context.beginPath();
    for (const corner of corners) context.lineTo(...corner);
    context.fill();
  }
}

/** The same for a figure that is saved. */
export function arrowsVector(arrows: Arrow[]): string {
  return arrows
    .map((arrow) => {
      const { base, corners } = tipOf(arrow);
      return `<path d="M${arrow.from}L${base}" stroke="${arrow.color}" stroke-width="${arrow.width}"/><polygon points="${corners.join(" ")}" fill="${arrow.color}"/>`;
    })
    .join("");
}
