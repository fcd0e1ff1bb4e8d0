/** The rooms of js/src: each imports only from those before it, and nothing imports itself in the end. */
import { build, type Metafile } from "esbuild";
import { beforeAll, expect, it } from "vitest";
import { release } from "../../js/bundle.mjs";

const ROOMS = ["kernel", "state", "ui", "chart", "export", "panels", "tabs", "page", "copied"];
/** Stands before all of them; everything else at the top of js/src stands after them. */
const CONTRACT = "contract.gen.ts";

type Graph = Map<string, string[]>;
let graph: Graph;

/** Our own sources, and what each imports of them; types leave no trace. */
function graphOf({ inputs }: Metafile): Graph {
  const own = (path: string) => /^js\/src\/.*\.tsx?$/.test(path);
  return new Map(
    Object.entries(inputs)
      .filter(([path]) => own(path))
      .map(([path, { imports }]) => [path, imports.map((one) => one.path).filter(own)]),
  );
}

/** The place of a source's room in the order. */
function place(path: string): number {
  const [room = "", ...rest] = path.split("/").slice(2);
  if (room === CONTRACT) return -1;
  return rest.length > 0 ? ROOMS.indexOf(room) : ROOMS.length;
}

beforeAll(async () => {
  const { metafile } = await build({ ...release, metafile: true });
  graph = graphOf(metafile as Metafile);
}, 60_000);

it("every source stands in a room", () => {
  const rooms = new Set([...graph.keys()].map((path) => path.split("/").slice(2)).map(([room]) => room));
  expect([...rooms].filter((room) => !room?.includes(".")).sort()).toEqual([...ROOMS].sort());
});

it("imports run one way", () => {
  const wrong = [...graph].flatMap(([from, imports]) =>
    imports.filter((to) => place(to) > place(from)).map((to) => `${from} imports ${to}`),
  );
  expect(wrong).toEqual([]);
});

it("a tab imports nothing of another", () => {
  const tabOf = (path: string) => path.match(/^js\/src\/tabs\/([^/]+)\//)?.[1];
  const wrong = [...graph].flatMap(([from, imports]) =>
    imports.filter((to) => tabOf(from) && tabOf(to) && tabOf(to) !== tabOf(from)).map((to) => [from, to]),
  );
  expect(wrong).toEqual([]);
});

it("no imports go round", () => {
  const done = new Set<string>();
  const walk = (path: string, way: string[]): string[] | null => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const next of graph.get(path) ?? []) {
      const round = walk(next, [...way, path]);
      if (round !== null) return round;
    }
    done.add(path);
    return null;
  };
  expect(graph.size).toBeGreaterThan(80);
  expect([...graph.keys()].map((path) => walk(path, [])).find((round) => round !== null)).toBeUndefined();
});
