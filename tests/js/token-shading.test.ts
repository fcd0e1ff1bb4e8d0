import { expect, it } from "vitest";
import { triangleIndex, triangleSize } from "../../js/src/kernel/arrays";
import { shadeTokens } from "../../js/src/panels/token-shading";
import { attentionLut } from "../../js/src/ui/color";

/** An option of the strip that notes what is written to it. */
class Option {
  readonly written: Record<string, unknown> = {};
  writes = 0;
  readonly classList = { toggle: (name: string, on: boolean) => this.#write(name, on) };
  readonly style = new Proxy({} as Record<string, unknown>, {
    get: () => (name: string, value: string) => this.#write(name, value),
    set: (_, name, value) => this.#write(String(name), value),
  });
  #write(name: string, value: unknown): true {
    this.written[name] = value;
    this.writes += 1;
    return true;
  }
}

const N = 300;
/** Each token attends to the one before it, and to the first. */
const triangle = new Uint8Array(triangleSize(N));
for (let query = 1; query < N; query++) {
  triangle[triangleIndex(query, query - 1)] = 200;
  triangle[triangleIndex(query, 0)] = 55;
}

it("writes only to the tokens whose shade changes, and leaves each as if it were drawn anew", () => {
  const colors = attentionLut("linear", "light");
  const shade = (options: Option[], query: number | null) =>
    shadeTokens(
      options as never,
      query === null ? null : { query, key: null, head: null },
      triangle,
      colors,
      "light",
    );
  const options = Array.from({ length: N }, () => new Option());
  shade(options, 7);
  for (const query of [8, 200, 201, 0, null, 150, 150, 299]) {
    shade(options, query);
    const fresh = Array.from({ length: N }, () => new Option());
    shade(fresh, query);
    expect(options.map(({ written }) => written)).toEqual(fresh.map(({ written }) => written));
  }
  const before = options.reduce((sum, { writes }) => sum + writes, 0);
  shade(options, 298);
  shade(options, 299);
  const after = options.reduce((sum, { writes }) => sum + writes, 0);
  expect(after - before).toBeLessThan(2 * 4 * 6); // a few tokens, four things each
});
