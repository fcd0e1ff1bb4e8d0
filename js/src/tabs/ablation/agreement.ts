/** How far estimated changes are those that were measured, over the heads of which both are known. */

export interface Pair {
  head: number;
  estimated: number;
  exact: number;
}

/** Of every head, layer by layer. */
export function pairsOf(estimated: ArrayLike<number>, exact: ArrayLike<number>): Pair[] {
  return Array.from(estimated, (value, head) => ({
    head,
    estimated: value,
    exact: exact[head] ?? Number.NaN,
  })).filter((pair) => Number.isFinite(pair.estimated + pair.exact));
}

/** Pearson's correlation, and Spearman's, of ranks; NaN of fewer than three, and where all are alike. */
export function correlations(pairs: Pair[]): { pearson: number; spearman: number } {
  const [x, y] = [pairs.map(({ estimated }) => estimated), pairs.map(({ exact }) => exact)];
  return { pearson: pearson(x, y), spearman: pearson(ranks(x), ranks(y)) };
}

/** The head whose estimate is furthest from what was measured. */
export function furthest(pairs: Pair[]): Pair | undefined {
  const off = ({ estimated, exact }: Pair) => Math.abs(exact - estimated);
  return pairs.reduce<Pair | undefined>(
    (most, pair) => (most && off(most) >= off(pair) ? most : pair),
    undefined,
  );
}

function pearson(x: number[], y: number[]): number {
  if (x.length < 3) return Number.NaN;
  const [dx, dy] = [centred(x), centred(y)];
  const product = (a: number[], b: number[]) =>
    a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
  return product(dx, dy) / Math.sqrt(product(dx, dx) * product(dy, dy));
}

function centred(values: number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** Those that are alike share the middle of their ranks. */
function ranks(values: number[]): number[] {
  const below = (value: number) => values.filter((other) => other < value).length;
  const alike = (value: number) => values.filter((other) => other === value).length;
  return values.map((value) => below(value) + (alike(value) + 1) / 2);
}
