/** The passage token by token: its loss at both handles of the slider, and the difference. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Save } from "../../export/save";
import { atHandles } from "../../export/tables";
import { WAITING } from "../../kernel/connection";
import { lossesAt, sum } from "../../state/passage";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { checkpointText, quoted, scoreText, shortened } from "../../state/text";
import { cellColors, gradient, lut, type Scale } from "../../ui/color";
import { OtherFailures } from "../../ui/pending";
import { TokenList } from "../../ui/token-list";
import type { View, ViewProps } from "../../ui/view";
import { indices, type PanelProps, tab } from "../tab";
import { passageTable } from "./table";
import { Trajectories } from "./trajectories";

/** Nats at which the colours end: about guessing among 1,000 tokens, and a change as clear. */
const FULL_LOSS = 7;
const FULL_CHANGE = 5;

const LOSS = "L[i] = −ln p(token i + 1 | tokens 0 to i)";
const SOURCE = "Olsson et al. 2022; Kissane 2023";

type Kind = "loss" | "before" | "change";

const options = {
  /** Positions of the prompt whose loss over training is drawn. */
  tokens: indices(),
};
type Props = PanelProps<typeof options, "predictions">;

export default tab({
  name: "passage",
  title: "Passage",
  group: "On this prompt",
  options,
  everySeries: true,
  asks: () => ({ predictions: {} }),
  throughout: ["predictions"],
  Panel: Passage,
});

function Passage({ view, options, arrange, found }: Props) {
  const { store } = view;
  const tokens = store.promptInfo.value?.tokens ?? [];
  if (tokens.length < 2) {
    return <p class="ie-note">Run a prompt of two tokens or more: its loss is shown token by token.</p>;
  }
  const choose = (chosen: number[]) => arrange({ tokens: chosen });
  return (
    <>
      <Strips view={view} result={found.predictions} chosen={options} choose={choose} />
      <OtherFailures view={view} of={found.predictions.throughout} />
      {store.overTraining.value && (
        <Trajectories view={view} result={found.predictions} chosen={options} choose={choose} />
      )}
    </>
  );
}

interface StripsProps extends ViewProps {
  result: Result<"predictions">;
  chosen: Props["options"];
  choose: (tokens: number[]) => void;
}

function Strips(props: StripsProps) {
  const { view } = props;
  const { store } = view;
  const hovered = useSignal<number | null>(null);
  const [alone, training] = [store.alone.value, store.overTraining.value];
  const elsewhere = store.comparison.elsewhere.value;
  const compared = !alone && store.compare.value !== null && !elsewhere;
  const strip = { ...props, hovered };
  return (
    <figure class="ie-passage" aria-label="Passage">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Passage"
          about={{ prompt: true, says: [`Loss: ${LOSS}, in nats; ${SOURCE}.`] }}
          draw={(paper) => <Strips {...props} view={paper} />}
          table={() => passageTable(store)}
          shownTable={() => passageTable(store, { checkpoints: atHandles(store) })}
          of={[props.result]}
        />
        <p class="ie-meaning">
          Loss of every token of the prompt, given those before it.
          {training && <span class="ie-hint"> A click on a token draws its loss over training below.</span>}
        </p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{LOSS}</span>, in nats · {SOURCE}
        </p>
      </figcaption>
      <Strip {...strip} kind="loss" />
      {compared ? (
        <>
          <Strip {...strip} kind="before" />
          <Strip {...strip} kind="change" />
        </>
      ) : (
        !alone &&
        !elsewhere && (
          <button
            type="button"
            class="ie-button"
            onClick={() => store.compareTo(Math.floor(store.checkpoint.peek() / 2))}
          >
            Compare with an earlier checkpoint
          </button>
        )
      )}
      <Said view={view} hovered={hovered} />
    </figure>
  );
}

interface StripProps extends StripsProps {
  kind: Kind;
  hovered: { value: number | null };
}

function Strip({ view, kind, result, hovered, chosen, choose }: StripProps) {
  const { store, theme } = view;
  const [list, mean] = [useRef<HTMLDivElement>(null), useRef<HTMLSpanElement>(null)];
  const scale = useComputed<Scale>(() =>
    kind === "change"
      ? { min: -FULL_CHANGE, max: FULL_CHANGE, kind: "diverging", lut: lut("diverging", theme.value) }
      : { min: 0, max: FULL_LOSS, kind: "sequential", lut: lut("sequential", theme.value) },
  );
  const values = useComputed(() => valuesOf(view, kind));
  useSignalEffect(() => {
    const found = values.value;
    const options = list.current?.children ?? [];
    for (let token = 1; token < options.length; token++) {
      const { style } = options[token] as HTMLElement;
      const value = found?.[token - 1] ?? Number.NaN;
      const { fill, ink } = cellColors(scale.value, kind === "change" ? -value : value, theme.value);
      style.backgroundColor = Number.isFinite(value) ? fill : "";
      style.color = Number.isFinite(value) ? ink : "";
    }
    if (mean.current === null) return;
    mean.current.textContent =
      found === null ? absence(view, result, kind) : `mean ${scoreText(sum(found) / found.length)}`;
  });
  const tokens = store.promptInfo.value?.tokens ?? [];
  const toggle = (token: number) => {
    const { tokens: before } = chosen.peek();
    const next = before.includes(token) ? before.filter((other) => other !== token) : [...before, token];
    choose(next.sort((a, b) => a - b));
  };
  return (
    <div class="ie-passage-strip">
      <div class="ie-passage-title">
        <Title view={view} kind={kind} /> <span ref={mean} class="ie-note" />
        <Key scale={scale.value} kind={kind} />
      </div>
      <TokenList
        list={list}
        tokens={tokens}
        label={{ loss: "Loss", before: "Loss compared with", change: "Change of loss" }[kind]}
        several
        isSelected={(token) => chosen.value.tokens.includes(token)}
        isDisabled={(token) => token === 0}
        choose={toggle}
        point={(token) => {
          hovered.value = token;
        }}
      />
    </div>
  );
}

/** The checkpoint of the same series that is compared with. */
function otherIn({ comparison, shownCompare }: Store): number | null {
  return comparison.elsewhere.value ? null : shownCompare.value;
}

function valuesOf({ store }: View, kind: Kind): Float32Array | null {
  const now = kind === "before" ? null : lossesAt(store, store.shown.value);
  if (kind === "loss") return now;
  const other = otherIn(store);
  const before = other === null ? null : lossesAt(store, other);
  if (kind === "before") return before;
  return now === null || before === null ? null : now.map((loss, i) => loss - (before[i] ?? Number.NaN));
}

/** Why there are no losses. */
function absence({ store }: View, result: Result<"predictions">, kind: Kind): string {
  const [now, then] = [store.shown.value, store.shownCompare.value ?? store.shown.value];
  const checkpoints = { loss: [now], before: [then], change: [now, then] }[kind];
  if (checkpoints.some((at) => store.info.value?.faults[at] !== undefined)) return "no usable checkpoint";
  const failed = checkpoints.map((at) => result.failure(at)).find((error) => error !== null);
  return failed?.message ?? WAITING[store.connection.state.value];
}

function Title({ view, kind }: { view: View; kind: Kind }) {
  const { info, shown, shownCompare } = view.store;
  const name = (index: number | null) =>
    index === null || info.value === null
      ? ""
      : checkpointText(info.value, index) || shortened(info.value.name);
  if (kind === "change") return <strong>Change, the first minus the second</strong>;
  return <strong>{name(kind === "loss" ? shown.value : shownCompare.value)}</strong>;
}

/** The ends of the colours; blue is a lower loss. */
function Key({ scale, kind }: { scale: Scale; kind: Kind }) {
  const change = kind === "change";
  const bar = gradient(scale.lut);
  return (
    <span class="ie-passage-key" aria-hidden="true">
      {change ? `+${FULL_CHANGE}` : "0"} <span class="ie-legend-bar" style={{ background: bar }} />{" "}
      {change ? `−${FULL_CHANGE}` : `${FULL_LOSS}+`} nats
    </span>
  );
}

/** The pointed token's losses, in words. */
function Said({ view, hovered }: { view: View; hovered: { value: number | null } }) {
  const { store } = view;
  const token = hovered.value;
  const text = token === null ? null : store.promptInfo.value?.tokens[token];
  if (token === null || token === 0 || text == null) return <p class="ie-status" />;
  const now = lossesAt(store, store.shown.value)?.[token - 1] ?? Number.NaN;
  const other = otherIn(store);
  const before = other === null ? null : (lossesAt(store, other)?.[token - 1] ?? Number.NaN);
  return (
    <p class="ie-status">
      token {token} {quoted(text)}: {scoreText(now)} nats
      {before !== null && `, ${scoreText(before)} at the other checkpoint, change ${scoreText(now - before)}`}
    </p>
  );
}
