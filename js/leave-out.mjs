/** What every bundle of js/src leaves out of its libraries, for esbuild. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Of a file that is left out in part: what stays. */
const KEPT = Symbol("kept");

/** As Plot answers where no interval is given. */
const WITHOUT_INTERVAL = "options?.interval == null ? options : absent('interval')()";

/**
 * Observable Plot brings what no chart here has: maps, axes of dates, histograms, stacks, facets, arrows, scales of
 * colour with their legends, symbols, curves that are not straight, markers along lines, and a tip where the charts
 * have one of their own. These functions are replaced by others that say so when they are called, but for those
 * that Plot asks of every chart: here are their answers, given the same options.
 */
const ABSENT = {
  "plot/src/projection": { createProjection: "undefined", projectionAspectRatio: "undefined" },
  "plot/src/marker": { markers: "undefined", applyMarkers: "undefined", applyGroupedMarkers: "undefined" },
  "plot/src/legends": { createLegends: "[]", exposeLegends: "undefined" },
  "plot/src/curve": {
    maybeCurve: "options === undefined ? d3.curveLinear : absent('curve')()",
    maybeCurveAuto: "options === undefined ? d3.curveLinear : absent('curve')()",
  },
  "plot/src/facet": { createFacets: "undefined", maybeFacetAnchor: "null" },
  "plot/src/symbol": {
    maybeSymbolChannel: "options === d3.symbolCircle ? [undefined, options] : absent('symbol')()",
  },
  "plot/src/scales/diverging": {},
  "plot/src/scales/ordinal": {},
  "plot/src/scales/quantitative": kept("createScaleLinear", "createScaleLog"),
  "plot/src/scales/schemes": {},
  "plot/src/scales/temporal": {},
  "plot/src/time": {},
  "plot/src/transforms/bin": { maybeDenseIntervalX: "options", maybeDenseIntervalY: "options" },
  "plot/src/transforms/group": {},
  "plot/src/transforms/interval": {
    maybeIntervalX: WITHOUT_INTERVAL,
    maybeIntervalY: WITHOUT_INTERVAL,
    maybeIntervalMidX: WITHOUT_INTERVAL,
    maybeIntervalMidY: WITHOUT_INTERVAL,
  },
  "plot/src/transforms/stack": {
    maybeStackY: "options.y1 === undefined || options.y2 === undefined ? absent('stackY')() : options",
  },
  "plot/src/marks/frame": {},
  "plot/src/marks/tip": {},
  "plot/src/marks/vector": {},
  "plot/src/interactions/pointer": {},
  "d3-geo/[^/]+/[^/]+": {},
  "d3-interpolate/[^/]+/[^/]+": kept("interpolateNumber", "interpolateRgbBasis", "interpolateRound"),
  "d3-time/[^/]+/[^/]+": {},
  "d3-time-format/[^/]+/[^/]+": {},
};

/** Methods of a selection that no mark of the charts here calls. */
const METHODS =
  "selectChild exit join merge sort property classed html raise lower insert clone on dispatch".split(" ");

/** d3-selection without them, which say so when they are called; any other text as it is. */
export function withoutMethods(path, text) {
  if (!/node_modules\/d3-selection\//.test(path)) return text;
  const lines = METHODS.map((name) => [name, `  ${name}: selection_${name},`]);
  const missing = lines.filter(([, line]) => !text.includes(line)).map(([name]) => name);
  if (missing.length > 0)
    throw new Error(`d3-selection has no ${missing.join(", ")}: see ${import.meta.url}`);
  const without = lines.reduce(
    (rest, [name, line]) => rest.replace(line, `  ${name}: absent("${name}"),`),
    text,
  );
  return `import { absent } from ${JSON.stringify(ABSENCE)};${without}`;
}

/** @param {string[]} names */
function kept(...names) {
  return Object.fromEntries(names.map((name) => [name, KEPT]));
}

const ABSENCE = resolve("js/absent.mjs");

/** Asks for a file itself where the file of its name is what stands in for it. */
const WHOLE = "?whole";

export const leaveOut = {
  name: "leave-out",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /\?whole$/ }, ({ path }) => ({
      path: path.slice(0, -WHOLE.length),
      suffix: WHOLE,
      sideEffects: false,
    }));
    for (const [file, answers] of Object.entries(ABSENT)) {
      const filter = new RegExp(`node_modules/(@observablehq/)?${file}\\.m?js$`);
      onLoad({ filter }, async ({ path, suffix }) => {
        if (suffix === WHOLE) return;
        const names = Object.keys(await import(pathToFileURL(path)));
        return { contents: standIn(path, names, answers) };
      });
    }
  },
};

/** A module in place of another, which exports the same names. */
function standIn(path, names, answers) {
  const exports = names
    .filter((name) => answers[name] !== KEPT)
    .map((name) => {
      const does = name in answers ? `(options) => (${answers[name]})` : `/* @__PURE__ */ absent("${name}")`;
      return `export const ${name} = ${does};`;
    });
  const stays = Object.values(answers).includes(KEPT) ? `export * from ${JSON.stringify(path + WHOLE)};` : "";
  return `import { absent } from ${JSON.stringify(ABSENCE)}; import * as d3 from "d3"; ${stays} ${exports.join("")}`;
}
