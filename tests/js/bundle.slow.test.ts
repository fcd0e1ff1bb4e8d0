// @vitest-environment happy-dom
/** What is shipped leaves parts of its libraries out: no chart may miss them. */
import type * as Plot from "@observablehq/plot";
import { type BuildOptions, build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { common, release } from "../../js/bundle.mjs";
import { promptInfo, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import whole from "../../js/src/index";
import { devDependencies as declared } from "../../package.json";
import { clearPage, freshPage, SHAPE, settle, TOKENS, widgetOf } from "./shown";

const TABS = [
  ...["loss", "in_context_learning", "loss_by_position", "loss_pca", "all_series"],
  ...["passage", "answer", "scatter", "attribution", "ablation", "wiring"],
];

/** The exports of a script that was bundled. */
async function bundled<Exports>(options: BuildOptions): Promise<Exports> {
  const { outputFiles } = await build({ ...options, outdir: "unwritten", write: false });
  const script = outputFiles.find(({ path }) => path.endsWith(".js"));
  return import(`data:text/javascript,${encodeURIComponent(script?.text ?? "")}`);
}

/** The charts of a page with a tab open and the colours of its legends, as markup. */
async function chartsOf(make: typeof whole, tab: string, change: object): Promise<string[]> {
  const own = traits(SHAPE, TOKENS);
  const fake = new FakeModel({
    ...own,
    compare: 5,
    answer: " B",
    heads: [
      [0, 1],
      [1, 1],
    ],
    _series: ["one", "two"].map((name) => seriesInfo(name, SHAPE)),
    _scores: [SCORES, SCORES],
    _phases: [...own._phases, ...own._phases],
    _prompts: [promptInfo(TOKENS, true, " B"), promptInfo(TOKENS, true, " B")],
    _view: { tab, ...change },
  });
  fake.kernel = fakeKernel(SHAPE, 3);
  const el = widgetOf(fake, make)();
  await settle();
  const charts = [...el.querySelectorAll(".ie-plot, [style*=gradient]")].map((chart) => chart.outerHTML);
  clearPage();
  return charts;
}

freshPage();

/** Pages are drawn by the dozen. */
const SLOW = { timeout: 30_000 };

describe("the shipped bundle", SLOW, () => {
  let shipped: typeof whole;
  beforeAll(async () => {
    shipped = (await bundled<{ default: typeof whole }>(release)).default;
  }, SLOW.timeout);

  it.each(TABS)("draws every chart as its libraries do as a whole: %s", async (tab) => {
    for (const change of [{}, { x_scale: "linear", trails: false }]) {
      const charts = await chartsOf(whole, tab, change);
      expect(charts.length).toBeGreaterThan(0);
      expect(await chartsOf(shipped, tab, change)).toEqual(charts);
    }
  });

  it("is made of packages that package.json declares", async () => {
    const entryPoints = ["js/src/index.ts", "js/dev/main.ts", "js/build.mjs", "js/size.mjs"];
    const { metafile } = await build({ ...release, entryPoints, packages: "external", platform: "node" });
    const imported = Object.values(metafile?.inputs ?? {})
      .flatMap(({ imports }) => imports.filter(({ external }) => external))
      .map(({ path }) => path.match(/^(@[^/]+\/)?[^/]+/)?.[0] ?? path)
      .filter((name) => !name.startsWith("node:"));
    expect(imported).toContain("preact");
    expect(Object.keys(declared)).toEqual(expect.arrayContaining([...new Set(imported)]));
  });

  it("says what is left out to whom uses it", async () => {
    const contents = 'export { areaY, dot, line, plot, ruleX } from "@observablehq/plot";';
    const { plot, ...marks } = await bundled<typeof Plot>({
      ...common,
      stdin: { contents, resolveDir: "." },
    });
    const ends = [
      [0, 1],
      [1, 2],
    ];
    const { areaY, dot, line, ruleX } = marks;
    const missing: [string, () => Plot.Markish, Plot.PlotOptions?][] = [
      ["pointer", () => line(ends, { tip: true })],
      ["isDivergingScheme", () => line(ends, { stroke: "0" })],
      ["createScaleOrdinal", () => dot(ends, { fill: ["a", "b"] })],
      ["createScaleSqrt", () => dot(ends, { r: "1" })],
      ["createScaleSymlog", () => line(ends), { x: { type: "symlog" } }],
      ["createScalePoint", () => line(ends), { x: { domain: ["a", "b"] } }],
      ["curve", () => line(ends, { curve: "step" })],
      ["symbol", () => dot(ends, { symbol: "square" })],
      ["stackY", () => areaY(ends, { x: "0", y: "1" })],
      ["interval", () => ruleX(ends, { y: "1", interval: 2 })],
      ["facetGroups", () => line(ends, { fx: ["a", "b"] })],
      ["frame", () => line(ends), { x: { axis: "bottom", line: true } }],
      ["vectorX", () => line(ends), { x: { axis: "bottom", tickSize: 6 } }],
    ];
    for (const [name, mark, options] of missing) {
      expect(() => plot({ axis: null, ...options, marks: [mark()] })).toThrow(
        `${name} is left out of the bundle`,
      );
    }
    expect(plot({ axis: null, marks: [line(ends)] }).outerHTML).toContain("<path");
  });
});
