/** Lets esbuild leave out what nothing uses of d3's packages. */
import { readFile } from "node:fs/promises";
import { withoutMethods } from "./leave-out.mjs";

/** The calls that give a constant its value, which esbuild believes to do more unless it is told otherwise there. */
const CALLS =
  /(?<=^(?:export )?(?:var|const|let) [\w$]+ = [^{>\n]*)(?=new |\(function|(?<![\w$.)]|function |new )[\w$.]+\()/gm;

/** What makes a class of a function, as `Basis.prototype = {…};` or `define(Hsl, hsl, {…});`. */
const CLASSES = /^(?:define)?\(?(\w+)(?:\.prototype|,) .*\{$[\s\S]*?^\}\)*;$/gm;

/** d3's packages promise that loading them does nothing: what is not used can go. */
export const dropUnused = {
  name: "drop-unused",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/d3-[^/]+\/.*\.mjs$/ }, async ({ path }) => ({
      contents: classesAsValues(withoutMethods(path, await readFile(path, "utf8"))).replace(
        CALLS,
        "/* @__PURE__ */ ",
      ),
    }));
  },
};

/** A value that is not used can go, and a statement cannot. */
function classesAsValues(text) {
  const names = [...text.matchAll(CLASSES)].map(([, name]) => name);
  return text
    .replace(
      CLASSES,
      (made, name) =>
        `var ${name} = /* @__PURE__ */ (() => { const ${name} = ${name}Function; ${made} return ${name}; })();`,
    )
    .replace(new RegExp(`^function (${names.join("|")})(?=\\()`, "gm"), "function $1Function");
}
