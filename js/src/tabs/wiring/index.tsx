/** What feeds the active head: heads of earlier layers, by composition and by what ablating them does. */
import { batch, type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { Head } from "../../contract.gen";
import { Save } from "../../export/save";
import { analysisTable, atHandles } from "../../export/tables";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import { evenScale, largest, roundedUp, slotColor } from "../../ui/color";
import { Failures, Progress, pendingText } from "../../ui/pending";
import { useWidth } from "../../ui/use-size";
import type { View, ViewProps } from "../../ui/view";
import { type PanelProps, tab } from "../tab";
import type { Look } from "./drawing";
import { DRAWN, type Fed, fedBy, LEAST, wiringLayout } from "./feeders";
import { WiringGraph } from "./graph";
import { WiringKey } from "./key";
import { WiringTable } from "./table";

/** The widest line stands for at least this much. */
const LEAST_COMPOSITION = 0.01;

export default tab({
  name: "wiring",
  title: "Wiring",
  group: "Causes",
  options: {},
  asks: ({ activeHead }) =>
    activeHead !== null && activeHead[0] > 0 ? { wiring: { head: activeHead } } : {},
  Panel: Wiring,
});

function Wiring(props: PanelProps<Record<never, never>, "wiring">) {
  const { view, found } = props;
  const { store } = view;
  const head = store.activeHead.value;
  if (head === null) {
    return <p class="ie-note">No head is selected. Select one: what feeds it is shown here.</p>;
  }
  const name = headName(head);
  return (
    <figure aria-label="Wiring">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Wiring"
          about={{}}
          draw={(paper) => <Wiring {...props} view={paper} />}
          table={() => analysisTable(store, found.wiring, "layer head")}
          shownTable={() =>
            analysisTable(store, found.wiring, "layer head", { checkpoints: atHandles(store) })
          }
          of={[found.wiring]}
        />
        <p class="ie-meaning">What feeds {name}, of the heads in earlier layers.</p>
        <p class="ie-note">
          Without a head: its output set to zero, one head at a time; one that leaves the score alone may be
          backed up by another. Induction on repeated random tokens. K-composition: how much the keys of{" "}
          {name} read of what a head writes, by the weights, {compositionNote(view)}. Elhage et al. 2021,
          Olsson et al. 2022.
        </p>
      </figcaption>
      {head[0] === 0 ? (
        <p>
          {name} is in the first layer: no earlier head can feed it.
          <span class="ie-hint"> Select a head of a later layer.</span>
        </p>
      ) : (
        <Feeders key={`${store.series.value}/${name}`} view={view} head={head} result={found.wiring} />
      )}
    </figure>
  );
}

/** What the score of the same name says of itself: its baseline, and what it leaves out. */
function compositionNote({ store }: View): string {
  const score = store.scores.value.find(({ name }) => name === "k_composition");
  const said = score?.probe.split("; ").filter((part) => part !== "the weights") ?? [];
  return ["less that of random heads", ...said].join("; ");
}

function Feeders({ view, head, result }: { view: View; head: Head; result: Result<"wiring"> }) {
  const { store } = view;
  const heads = store.info.value?.heads ?? 1;
  const fed = useComputed<Fed | null>(() => {
    const found = result.at(store.shown.value);
    return found === null ? null : fedBy(found, head, heads);
  });
  const seen = useSignal(false);
  useSignalEffect(() => {
    if (fed.value !== null) seen.value = true;
  });
  const missing = useComputed(() => fed.value === null);
  return (
    <div class="ie-wiring">
      <Failures view={view} of={[result]} />
      {missing.value && (
        <p class={`ie-note ${seen.value ? "ie-wiring-missing" : ""}`}>{pendingText(store, result)}</p>
      )}
      {/* Keeps its place where a checkpoint is missing, so that nothing jumps. */}
      {seen.value && (
        <div class={`ie-wiring-columns ${missing.value ? "ie-wiring-hidden" : ""}`}>
          <Found view={view} head={head} heads={heads} result={result} fed={fed} />
        </div>
      )}
    </div>
  );
}

interface FoundProps extends ViewProps {
  head: Head;
  /** A layer. */
  heads: number;
  result: Result<"wiring">;
  fed: ReadonlySignal<Fed | null>;
}

function Found({ view, head, heads, result, fed }: FoundProps) {
  const { store, theme } = view;
  const [ref, width] = useWidth<HTMLDivElement>();
  const look = useComputed<Look>(() => ({
    theme: theme.value,
    effects: evenScale(known(view, result, "effect"), LEAST, theme.value),
    widest: roundedUp(largest(known(view, result, "composition"), LEAST_COMPOSITION)),
    selected: new Map([...store.slots.value].map(([name, slot]) => [name, slotColor(slot, theme.value)])),
  }));
  const layout = useComputed(() => wiringLayout(head, heads, width.value));
  // The head itself stays the one that was selected last, and so the one that is drawn.
  const choose = (feeder: Head) =>
    batch(() => {
      store.selectHead(feeder, true);
      store.activateHead(head);
    });
  const count = head[0] * heads;
  return (
    <>
      <div ref={ref}>
        {width.value > 0 && (
          <WiringGraph view={view} head={head} fed={fed} look={look} layout={layout} choose={choose} />
        )}
        <WiringKey look={look.value} name={headName(head)} />
      </div>
      <div>
        <p class="ie-note">
          {count > DRAWN
            ? `The ${DRAWN} of ${count} earlier heads with the largest effect`
            : "Earlier heads, the largest effect first"}
          <Progress view={view} result={result} />
        </p>
        <WiringTable view={view} fed={fed} choose={choose} />
      </div>
    </>
  );
}

/** An array at every checkpoint that is known. */
function known({ store }: View, result: Result<"wiring">, name: "effect" | "composition"): Float32Array[] {
  return (store.info.value?.steps ?? []).flatMap((_, i) => result.at(i)?.[name] ?? []);
}
