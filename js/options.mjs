/**
 * Writes widget/induction_explorer/options.gen.json: what each option of a tab may be, as the tabs declare it, so
 * that the kernel can check a view that is written in a cell.
 */
import { writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { common } from "./bundle.mjs";

const contents = `
  import { TABS } from "./js/src/tabs";
  import { optionsText } from "./js/src/tabs/tab";
  export default optionsText(TABS);`;
const { outputFiles } = await build({
  ...common,
  stdin: { contents, resolveDir: "." },
  platform: "node",
  write: false,
});
const module = Buffer.from(outputFiles[0].contents).toString("base64");
const { default: text } = await import(`data:text/javascript;base64,${module}`);
await writeFile("widget/induction_explorer/options.gen.json", text);
