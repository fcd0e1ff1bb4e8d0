/** The chosen score of every head over training; the rule marks the shown checkpoint. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { headCurve, plotHeads, selectedCurves } from "../chart/head-curves";
import { drawPattern } from "../chart/pattern-drawing";
import { type Drawn, pathOf } from "../chart/plot";
import { Tip } from "../chart/tip";
import { TrainingChart } from "../chart/training-chart";
import type { Head } from "../contract.gen";
import { Save } from "../export/save";
import { scoreTable } from "../export/tables";
import { headName } from "../state/heads";
import type { Store } from "../state/store";
import { scoreText } from "../state/text";
import { attentionLut, slotColor } from "../ui/color";
import { absentText } from "../ui/pending";
import { useAsks } from "../ui/use-asks";
import { useLeaving } from "../ui/use-leaving";
import type { View, ViewProps } from "../ui/view";
import { ChangeOrder } from "./change-order";
import { PhaseLine } from "./phase-line";

/** A pointer further away than this from every curve points at none. */
const REACH = 40;
/** So that patterns are on the first screen too. */
const HEIGHT = 190;
const PREVIEW_MS = 120;
/** Side of the picture in the tip, in CSS pixels. */
const PREVIEW = 96;

export function Curves({ view }: ViewProps) {
  const { store } = view;
  const at = useSignal<number | null>(null);
  const preview = usePreview(store);
  const hover = {
    move(drawn: Drawn, checkpoint: number, y: number) {
      at.value = checkpoint;
      view.hoverHead.value = headNear(view, drawn, checkpoint, y);
      preview(view.hoverHead.value);
    },
    leave() {
      at.value = null;
      view.hoverHead.value = null;
      preview(null);
    },
  };
  const scores = () => [store.scoreInfo.value?.name ?? ""];
  const title = `${store.scoreInfo.value?.title} of every head`;
  return (
    <figure class="ie-curves" aria-label={title}>
      <figcaption class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          {title}
        </span>
        <span class="ie-note"> over training</span>
        <Save
          view={view}
          title={title}
          about={{ training: true, scores: [store.scoreInfo.value], dashed: true }}
          draw={(paper) => <Curves view={paper} />}
          table={() => scoreTable(store, scores())}
          shownTable={() => scoreTable(store, scores(), { heads: store.heads.value })}
        />
      </figcaption>
      <TrainingChart
        view={view}
        plot={(width) => plotHeads(view, store.series.value, { width, height: HEIGHT })}
        over={() => selectedCurves(view)}
        empty={absentText(store, "No values of this score.")}
        hover={hover}
      >
        {(drawn) => (
          <>
            <Dots view={view} drawn={drawn} />
            <Hovered view={view} drawn={drawn} at={at} />
          </>
        )}
      </TrainingChart>
      <PhaseLine view={view} />
      <ChangeOrder view={view} />
    </figure>
  );
}

/** A pattern is worth fetching only where the pointer rests. */
function usePreview(store: Store): (head: Head | null) => void {
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useAsks(store, () => {
    const head = store.preview.value;
    return head === null ? [] : [{ analysis: "patterns", parameters: { head } }];
  });
  useLeaving(() => {
    clearTimeout(resting.current);
    store.preview.value = null;
  });
  return (head) => {
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      store.preview.value = head;
    }, PREVIEW_MS);
  };
}

interface OverProps extends ViewProps {
  drawn: ReadonlySignal<Drawn | null>;
}

/** The selected heads' values at the shown checkpoint. */
function Dots({ view, drawn }: OverProps) {
  const { heads, slots, shownScores, info, shown } = view.store;
  const chart = drawn.value;
  if (chart === null) return null;
  return (
    <svg class="ie-chart-layer" width={chart.width} height={chart.height} aria-hidden="true">
      {heads.value.map(([layer, head]) => {
        const name = headName([layer, head]);
        const value = shownScores.value[layer * (info.value?.heads ?? 0) + head] ?? Number.NaN;
        if (!Number.isFinite(value)) return null;
        const color = slotColor(slots.value.get(name) ?? 0, view.theme.value);
        const [cx, cy] = [chart.x[shown.value], chart.y(value)];
        return <circle key={name} class="ie-dot" r="4" fill={color} cx={cx} cy={cy} />;
      })}
    </svg>
  );
}

/** The curve of the head under the pointer, here or in the grid, with its name and value. */
function Hovered({ view, drawn, at }: OverProps & { at: ReadonlySignal<number | null> }) {
  const { store, theme } = view;
  const [head, chart] = [view.hoverHead.value, drawn.value];
  const slot = head && store.slots.value.get(headName(head));
  const color = slot == null ? "var(--ie-ink)" : slotColor(slot, theme.value);
  const curve = head && headCurve(view, store.series.value, head, color);
  if (head === null || curve === null || chart === null) return null;
  const checkpoint = at.value ?? store.shown.value;
  const value = curve.y[checkpoint] ?? Number.NaN;
  const [x, y] = [chart.x[checkpoint] ?? 0, Number.isFinite(value) ? chart.y(value) : chart.bottom];
  return (
    <>
      <svg class="ie-chart-layer" width={chart.width} height={chart.height} aria-hidden="true">
        <path class="ie-curve-hovered" stroke={color} d={pathOf(chart, curve)} />
        <circle class="ie-dot" r="4" fill={color} cx={x} cy={y} />
      </svg>
      <Tip x={x} y={y} width={chart.width} name={curve.name}>
        {" "}
        {scoreText(value)}
        <span class="ie-tip-at"> · {store.info.value?.labels[checkpoint]}</span>
        {at.value !== null && <Preview view={view} head={head} checkpoint={checkpoint} />}
      </Tip>
    </>
  );
}

/** The hovered head's pattern at the hovered checkpoint. */
function Preview({ view, head, checkpoint }: { view: View; head: Head; checkpoint: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const value = view.store.results.of("patterns", { head }).at(checkpoint)?.patterns ?? null;
  const tokens = view.store.promptInfo.value?.tokens.length ?? 0;
  useEffect(() => {
    const colors = attentionLut(view.store.viewState.peek().attention_scale, view.theme.peek());
    const room = PREVIEW * devicePixelRatio;
    if (canvas.current !== null) drawPattern(canvas.current, tokens, value, colors, room);
  });
  return value === null ? null : (
    <canvas
      ref={canvas}
      class="ie-preview"
      style={{ width: `${PREVIEW}px`, height: `${PREVIEW}px` }}
      role="img"
      aria-label={`Pattern of ${headName(head)} at ${view.store.info.value?.labels[checkpoint]}`}
    />
  );
}

function headNear(view: View, chart: Drawn, checkpoint: number, y: number): Head | null {
  const [info, values] = [view.store.info.peek(), view.store.gridValues.peek()];
  if (info === null || values === null) return null;
  const size = info.layers * info.heads;
  let [best, distance] = [-1, REACH];
  for (let index = 0; index < size; index++) {
    const away = Math.abs(chart.y(values[checkpoint * size + index] ?? Number.NaN) - y);
    if (away < distance) [best, distance] = [index, away];
  }
  return best < 0 ? null : [Math.floor(best / info.heads), best % info.heads];
}
