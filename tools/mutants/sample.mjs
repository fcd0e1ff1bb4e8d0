// Of every room of js/src, as many mutants as MUTANTS_SAMPLE says, drawn by MUTANTS_SEED; without it, all.
// Stryker draws no samples: to it, this is a compiler that refuses the others.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { CheckStatus } from "@stryker-mutator/api/check";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";

const { MUTANTS_SAMPLE: count, MUTANTS_SEED: seed } = process.env;

class Sample {
  async init() {}

  /** All in one group: a sample is drawn from all. */
  async group(mutants) {
    return [mutants.map(({ id }) => id)];
  }

  async check(mutants) {
    const rooms = new Set(mutants.map(({ fileName }) => dirname(fileName)));
    const inside = (room) => mutants.filter(({ fileName }) => dirname(fileName) === room);
    const drawn = new Set([...rooms].flatMap((room) => draw(inside(room))));
    return Object.fromEntries(
      mutants.map((mutant) => [
        mutant.id,
        drawn.has(mutant)
          ? { status: CheckStatus.Passed }
          : { status: CheckStatus.CompileError, reason: "not drawn" },
      ]),
    );
  }
}

function draw(mutants) {
  if (!count) return mutants;
  const lots = new Map(mutants.map((mutant) => [mutant, lot(mutant)]));
  return mutants.sort((a, b) => (lots.get(a) < lots.get(b) ? -1 : 1)).slice(0, Number(count));
}

function lot({ fileName, location, mutatorName, replacement }) {
  const name = JSON.stringify([seed, fileName.split("js/src").pop(), location, mutatorName, replacement]);
  return createHash("sha256").update(name).digest("hex");
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, "sample", Sample)];
