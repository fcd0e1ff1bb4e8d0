/**
 * What every bundle of js/src is built with.
 *
 * Every page gets the bundle in one message of 1 MiB at most, so its size is a feature.
 */
import { dropUnused } from "./drop-unused.mjs";
import { leaveOut } from "./leave-out.mjs";

/** In bytes: above this the build fails. */
export const BUDGET = 400_000;

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
 * What is shipped: the widget, its style, the loader of the widget, its host where there is no notebook, and
 * all of it for a copy in a file.
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
    { in: "js/src/copy.ts", out: "copy" },
  ],
  outdir: "widget/induction_explorer/static",
  write: false,
  minify: true,
  legalComments: "none",
  metafile: true,
};
