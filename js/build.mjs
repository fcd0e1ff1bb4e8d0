/**
 * Bundles js/src into the Python package; with --dev, serves the harness in js/dev from memory; with
 * --harness FOLDER, writes it there.
 *
 * Every page gets the bundle in one message of 1 MiB at most, so its size is a feature: above the budget the build
 * fails.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import * as geo from "d3-geo";
import { build, context } from "esbuild";

const BUDGET = 400_000;
const OUT = "widget/induction_explorer/static";

/**
 * Observable Plot can draw maps, and brings d3's 26 kB of map projections for it. No chart here is a map: in
 * place of the projections stand functions that do nothing, some of which Plot calls as it loads.
 */
const withoutMaps = {
  name: "without-maps",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^d3-geo$/ }, () => ({
      path: "d3-geo",
      namespace: "without-maps",
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: "without-maps" }, () => ({
      contents: `const none = () => ({});${Object.keys(geo)
        .map((name) => `export const ${name} = none;`)
        .join("")}`,
    }));
  },
};

const common = {
  plugins: [withoutMaps],
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};

const harness = {
  ...common,
  entryPoints: [
    { in: "js/dev/main.ts", out: "main" },
    { in: "js/src/index.css", out: "widget" },
  ],
  sourcemap: "inline",
};

if (process.argv.includes("--harness")) {
  const folder = process.argv[process.argv.indexOf("--harness") + 1];
  if (folder === undefined) {
    console.error("--harness needs the folder that the page is written to.");
    process.exit(1);
  }
  await build({ ...harness, outdir: folder });
  await copyFile("js/dev/index.html", `${folder}/index.html`);
} else if (process.argv.includes("--dev")) {
  const dev = await context({ ...harness, outdir: "js/dev", write: false });
  const { port } = await dev.serve({ servedir: "js/dev", host: "127.0.0.1", port: 8123 });
  console.log(`http://127.0.0.1:${port}/`);
} else {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: [
      { in: "js/src/index.ts", out: "widget" },
      { in: "js/src/index.css", out: "widget" },
      { in: "js/src/kernel/loader.ts", out: "loader" },
    ],
    outdir: OUT,
    write: false,
    minify: true,
    legalComments: "none",
    metafile: true,
  });
  const script = outputFiles.find((file) => file.path.endsWith("widget.js"));
  if (script.contents.length > BUDGET) {
    console.error(`widget.js would be ${script.contents.length} bytes; the budget is ${BUDGET}.`);
    process.exit(1);
  }
  await mkdir(OUT, { recursive: true });
  for (const file of outputFiles) {
    await writeFile(file.path, file.contents);
    console.log(`${relative(".", file.path)}  ${(file.contents.length / 1000).toFixed(1)} kB`);
  }
  await writeFile(`${OUT}/LICENSES.txt`, await licenses(Object.keys(metafile.inputs)));
}

/** The licences of the packages that ended up in the bundle, which minifying removed. */
async function licenses(inputs) {
  const folders = new Set(inputs.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]));
  folders.delete(undefined);
  const texts = await Promise.all(
    [...folders].sort().map(async (folder) => {
      const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name));
      if (file === undefined) throw new Error(`${folder} is bundled and has no licence file`);
      const { name, version } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
      return `${name} ${version}\n\n${(await readFile(`${folder}/${file}`, "utf8")).trim()}\n`;
    }),
  );
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
