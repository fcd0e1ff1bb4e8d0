/** Says what widget.js consists of, in bytes: by package, and of ours by folder. */
import { build } from "esbuild";
import { BUDGET, release } from "./bundle.mjs";

const { metafile } = await build(release);
const widget = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === "js/src/index.ts");

const sizes = new Map();
for (const [path, { bytesInOutput }] of Object.entries(widget.inputs)) {
  sizes.set(partOf(path), (sizes.get(partOf(path)) ?? 0) + bytesInOutput);
}
const rows = [...sizes].sort(([, a], [, b]) => b - a);
for (const [part, bytes] of [...rows, ["together", widget.bytes], ["budget", BUDGET]]) {
  console.log(`${bytes.toLocaleString("en-US").padStart(9)}  ${part}`);
}

/** "node_modules/@preact/signals/dist/…" → "@preact/signals", "js/src/tabs/scatter/plot.ts" → "js/src/tabs". */
function partOf(path) {
  return (
    path.match(/(?<=node_modules\/)(?:@[^/]+\/)?[^/]+/)?.[0] ??
    path.match(/^js\/src\/(?:[^/]+(?=\/))?/)?.[0] ??
    path
  );
}
