/**
 * Bundles js/src into the Python package; with --dev, serves the harness in js/dev from memory; with
 * --harness FOLDER, writes it there.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { build, context } from "esbuild";
import { BUDGET, common, release } from "./bundle.mjs";

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
  await build({ ...harness, outdir: folder, sourcemap: false, minify: true });
  await copyFile("js/dev/index.html", `${folder}/index.html`);
} else if (process.argv.includes("--dev")) {
  const dev = await context({ ...harness, outdir: "js/dev", write: false });
  const { port } = await dev.serve({ servedir: "js/dev", host: "127.0.0.1", port: 8123 });
  console.log(`http://127.0.0.1:${port}/`);
} else {
  const { outputFiles, metafile } = await build(release);
  const script = outputFiles.find((file) => file.path.endsWith("widget.js"));
  if (script.contents.length > BUDGET) {
    console.error(
      `widget.js would be ${script.contents.length} bytes; the budget is ${BUDGET}. See: npm run size`,
    );
    process.exit(1);
  }
  await mkdir(release.outdir, { recursive: true });
  for (const file of outputFiles) {
    await writeFile(file.path, file.contents);
    console.log(`${relative(".", file.path)}  ${(file.contents.length / 1000).toFixed(1)} kB`);
  }
  await writeFile(`${release.outdir}/LICENSES.txt`, await licenses(Object.keys(metafile.inputs)));
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
