/**
 * What every bundle of js/src is built with, and what is left out of it.
 *
 * Every page gets the bundle in one message of 1 MiB at most, so its size is a feature.
 */
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** In bytes: above this the build fails. */
export const BUDGET = 400_000;

/**
 * Observable Plot brings what no chart here has: maps, axes of dates, histograms, scales of colour with their
 * legends, markers along lines, and a tip where the charts have one of their own. These files are replaced by functions that say so when
 * they are called, but for those that Plot asks of every chart: here are their answers, given the same options.
 */
const ABSENT = {
  "plot/src/projection": { createProjection: "undefined", projectionAspectRatio: "undefined" },
  "plot/src/marker": { markers: "undefined", applyMarkers: "undefined", applyGroupedMarkers: "undefined" },
  "plot/src/legends": { createLegends: "[]", exposeLegends: "undefined" },
  "plot/src/scales/schemes": {},
  "plot/src/scales/temporal": {},
  "plot/src/time": {},
  "plot/src/transforms/bin": { maybeDenseIntervalX: "options", maybeDenseIntervalY: "options" },
  "plot/src/marks/tip": {},
  "plot/src/interactions/pointer": {},
  "d3-geo/[^/]+/[^/]+": {},
  "d3-time/[^/]+/[^/]+": {},
  "d3-time-format/[^/]+/[^/]+": {},
};

const leaveOut = {
  name: "leave-out",
  setup({ onLoad }) {
    for (const [file, answers] of Object.entries(ABSENT)) {
      onLoad({ filter: new RegExp(`node_modules/(@observablehq/)?${file}\\.m?js$`) }, async ({ path }) => ({
        contents: absent(Object.keys(await import(pathToFileURL(path))), answers),
      }));
    }
  },
};

function absent(names, answers) {
  const exports = names.map((name) => {
    const answer = name in answers ? `(options) => ${answers[name]}` : `/* @__PURE__ */ absent("${name}")`;
    return `export const ${name} = ${answer};`;
  });
  return `const absent = (name) => () => {
    throw new Error(name + " is left out of the bundle: js/bundle.mjs says why.");
  };${exports.join("")}`;
}

/**
 * d3's packages promise that loading them does nothing, so that what is not used can go; esbuild believes it of
 * the calls that give a constant its value only where it is written there.
 */
const CALLS = /(?<=^(?:export )?(?:var|const|let) [\w$]+ = (?:[\w$]+\()?)(?=new |[\w$.]+\()/gm;

const dropUnused = {
  name: "drop-unused",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/d3-[^/]+\/.*\.mjs$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(CALLS, "/* @__PURE__ */ "),
    }));
  },
};

/** @type {import("esbuild").BuildOptions} */
export const common = {
  plugins: [leaveOut, dropUnused],
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};

/**
 * What is shipped: the widget, its style, the loader of the widget, and its host where there is no notebook.
 *
 * @type {import("esbuild").BuildOptions}
 */
export const release = {
  ...common,
  entryPoints: [
    { in: "js/src/index.ts", out: "widget" },
    { in: "js/src/index.css", out: "widget" },
    { in: "js/src/kernel/loader.ts", out: "loader" },
    { in: "js/src/page/index.ts", out: "page" },
  ],
  outdir: "widget/induction_explorer/static",
  write: false,
  minify: true,
  legalComments: "none",
  metafile: true,
};
