import { relative } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer } from "vitest/node";

/** The quickest files first: the first test that fails ends the run of a mutant. */
class QuickestFirst extends BaseSequencer {
  async sort(files) {
    const { cache, config } = this.ctx;
    const duration = ({ project, moduleId }) =>
      cache.getFileTestResults(`${project.name}:${relative(config.root, moduleId)}`)?.duration ?? 0;
    return files.toSorted((a, b) => duration(a) - duration(b));
  }
}

/** As `npm test` waits: a busy machine is slow, and has noticed nothing. */
const patience = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: { dir: "tests/js", ...patience, sequence: { sequencer: QuickestFirst } },
});
