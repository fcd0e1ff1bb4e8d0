/** Two definitions head to head: every head by any two scores at the shown checkpoint. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { surfaceOf, usePixelRatio } from "../../chart/canvas";
import { Names } from "../../chart/names";
import { Tip } from "../../chart/tip";
import type { Head } from "../../contract.gen";
import { drawsAs } from "../../export/parts";
import { Save } from "../../export/save";
import { atHandles, scoreTable } from "../../export/tables";
import { WAITING } from "../../kernel/connection";
import type { ScoreInfo } from "../../kernel/model";
import { ScoreOptions } from "../../panels/score-picker";
import { headName } from "../../state/heads";
import type { Store } from "../../state/store";
import { scoreText } from "../../state/text";
import { slotColor } from "../../ui/color";
import { absentText, mayCome } from "../../ui/pending";
import { placeIn, useHover } from "../../ui/pointing";
import { useWidth } from "../../ui/use-size";
import type { View, ViewProps } from "../../ui/view";
import { flag, type PanelProps, tab, text } from "../tab";
import { type Arrow, arrowsVector, arrowTo, drawArrows } from "./arrows";
import { type Axis, dotsAt, headNear, plotScatter, type ScatterGround } from "./plot";

const REACH = 20;
/** From a dot to its name. */
const AWAY = 10;

interface Drawn {
  ground: ScatterGround;
  x: Axis;
  y: Axis;
  heads: number;
}

const options = {
  /** The score that the chosen one is plotted against. */
  against: text("previous_token"),
  /** Whether each head leaves a trail. */
  trails: flag(true),
};
type Props = PanelProps<typeof options>;

export default tab({
  name: "scatter",
  title: "Scatter",
  group: "Over training",
  options,
  Panel: Scatter,
});

/** The score of this name where the current series has it; else the second that it has. */
function againstIn({ scores }: Store, against: string): ScoreInfo | null {
  return scores.value.find(({ name }) => name === against) ?? scores.value[1] ?? null;
}

function Scatter(props: Props) {
  const { view, options, arrange } = props;
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const drawn = useComputed<Drawn | null>(() =>
    width.value === 0 ? null : drawnOf(view, options, width.value),
  );
  const { against, trails } = options.value;
  const other = againstIn(store, against);
  const alone = store.alone.value;
  const scores = () => [other?.name ?? "", store.scoreInfo.value?.name ?? ""];
  return (
    <figure ref={ref} aria-label="Scatter">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Scatter"
          about={{
            title: `${store.scoreInfo.value?.title} against ${other?.title}`,
            scores: [store.scoreInfo.value, other],
            dashed: true,
          }}
          draw={(paper) => <Scatter {...props} view={paper} />}
          table={() => scoreTable(store, scores())}
          shownTable={() => scoreTable(store, scores(), { checkpoints: atHandles(store) })}
        />
        <p class="ie-meaning ie-hint">
          Every head by two scores{!alone && " at this checkpoint"}: {store.scoreInfo.value?.title} (chosen
          above) against another. {!alone && "Dots move with the slider. "}Point at one, or at a cell of the
          grid, and both light up.
        </p>
        {store.comparison.other.value !== null && (
          <p class="ie-note">
            Arrows go from {store.comparison.label.value} to {store.info.value?.labels[store.shown.value]}
            {store.comparison.elsewhere.value && ", each from the head that ranks as high there"}.
          </p>
        )}
      </figcaption>
      <div class="ie-choices ie-hint">
        <label class="ie-choice">
          Against{" "}
          <select
            class="ie-select"
            aria-label="Against"
            value={other?.name ?? against}
            onChange={(event) => arrange({ against: event.currentTarget.value })}
          >
            <ScoreOptions scores={store.scores.value} />
          </select>
        </label>
        {!alone && (
          <label class="ie-choice">
            <input
              type="checkbox"
              checked={trails}
              onChange={(event) => arrange({ trails: event.currentTarget.checked })}
            />{" "}
            Trails over training
          </label>
        )}
      </div>
      <Missing view={view} against={against} />
      {drawn.value === null ? (
        <p class="ie-note ie-measures-empty">{absentText(store, undrawn(store, other))}</p>
      ) : (
        <Chart view={view} drawn={drawn} />
      )}
    </figure>
  );
}

/** Said where the series lacks the score that was chosen to compare with. */
function Missing({ view, against }: ViewProps & { against: string }) {
  const { seriesList, scoreIn } = view.store;
  const other = againstIn(view.store, against);
  if (other === null || other.name === against) return null;
  const known = seriesList.value.map((_, index) => scoreIn(index, against)?.title);
  return (
    <p class="ie-note">
      {known.find((title) => title !== undefined) ?? against} is not measured in this series, so {other.title}{" "}
      is shown.
    </p>
  );
}

/** Why the two scores are not drawn. */
function undrawn(store: Store, other: ScoreInfo | null): string {
  const grids = [other, store.scoreInfo.value].map((score) => score && store.gridOf(score.name));
  if (grids.some((grid) => grid === null)) return WAITING[store.connection.state.value];
  return "One of the two scores has no values for this model.";
}

function drawnOf(view: View, options: Props["options"], width: number): Drawn | null {
  const { store, theme } = view;
  const { against, trails } = options.value;
  const [info, x, y] = [
    store.info.value,
    axisOf(view, againstIn(store, against)),
    axisOf(view, store.scoreInfo.value),
  ];
  if (info === null || x === null || y === null) return null;
  const heads = info.layers * info.heads;
  const chosen = store.heads.value.map((head) => ({
    name: headName(head),
    head: indexOf(head, info.heads),
    color: slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value),
  }));
  const also = store.comparison.elsewhere.value
    ? { x: beforeIn(store, x).values, y: beforeIn(store, y).values }
    : null;
  return { ground: plotScatter(x, y, { heads, chosen, trails, width, also }), x, y, heads };
}

function axisOf({ store }: View, score: Axis["score"] | null): Axis | null {
  const grid = score === null ? null : store.gridOf(score.name);
  return score === null || grid === null || "message" in grid ? null : { score, values: grid.values };
}

/** The same score of what is compared with, one value a head. */
function beforeIn({ comparison }: Store, { score }: Axis): Axis {
  return { score, values: comparison.valuesBefore(score.name) ?? new Float32Array() };
}

function indexOf([layer, head]: Head, heads: number): number {
  return layer * heads + head;
}

function Chart({ view, drawn }: { view: View; drawn: ReadonlySignal<Drawn | null> }) {
  const { store, theme } = view;
  const [base, canvas] = [useRef<HTMLDivElement>(null), useRef<HTMLCanvasElement>(null)];
  const ratio = usePixelRatio();
  const places = useComputed(() => {
    const now = drawn.value;
    return now === null ? new Float32Array() : dotsAt(now.ground, now.x, now.y, now.heads, store.shown.value);
  });
  /** The same of what is compared with; null without that. */
  const before = useComputed(() => {
    const now = drawn.value;
    if (now === null || store.comparison.other.value === null) return null;
    return dotsAt(now.ground, beforeIn(store, now.x), beforeIn(store, now.y), now.heads, 0);
  });
  useSignalEffect(() => {
    if (drawn.value !== null) base.current?.replaceChildren(drawn.value.ground.element);
  });
  useSignalEffect(() => {
    const now = drawn.value;
    if (canvas.current === null || now === null) return;
    const dots = dotsOf(view, places.value, theme.value);
    const arrows = arrowsOf(dots, before.value);
    drawDots(canvas.current, now.ground, dots, arrows, ratio.value);
    drawsAs(canvas.current, () => arrowsVector(arrows) + dotsVector(dots));
  });
  const headAt = (at: [number, number]): Head | null => {
    const [index, heads] = [headNear(places.peek(), at, REACH), store.info.peek()?.heads ?? 1];
    return index === null ? null : [Math.floor(index / heads), index % heads];
  };
  const pointing = useHover({
    move(x, y) {
      view.hoverHead.value = headAt([x, y]);
    },
    leave() {
      view.hoverHead.value = null;
    },
  });
  const now = drawn.value;
  if (now === null) return null;
  const missing = missingOf(places.value);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the grid is the way to do this by keyboard */}
      <div
        class="ie-chart"
        role="presentation"
        style={{ height: `${now.ground.height}px` }}
        {...pointing}
        onClick={(event) => {
          const head = headAt(placeIn(event));
          if (head !== null) store.selectHead(head, event.shiftKey || event.ctrlKey || event.metaKey);
        }}
      >
        <div ref={base} class="ie-chart-layer" />
        <canvas ref={canvas} class="ie-chart-layer" />
        <Said view={view} drawn={now} places={places} />
      </div>
      {missing > 0 && (
        <p class="ie-note">
          {missing} of {now.heads} heads have no value of one of the two{mayCome(view.store) && " yet"}.
        </p>
      )}
    </>
  );
}

function missingOf(places: Float32Array): number {
  let missing = 0;
  for (let i = 0; i < places.length; i += 2) {
    if (!Number.isFinite(places[i]) || !Number.isFinite(places[i + 1])) missing += 1;
  }
  return missing;
}

interface Dot {
  head: number;
  chosen: boolean;
  x: number;
  y: number;
  radius: number;
  color: string;
}

/** Every head's dot, those of the selected heads last and larger. */
function dotsOf({ store }: View, places: Float32Array, theme: "light" | "dark"): Dot[] {
  const heads = places.length / 2;
  const radius = heads > 200 ? 2.5 : 4;
  const dot = (index: number, chosen: boolean, color: string): Dot => ({
    head: index,
    chosen,
    x: places[2 * index] ?? Number.NaN,
    y: places[2 * index + 1] ?? Number.NaN,
    radius: radius + (chosen ? 2 : 0),
    color,
  });
  const grey = theme === "dark" ? "#9aa0aa" : "#666b73";
  const dots = Array.from({ length: heads }, (_, index) => dot(index, false, grey));
  for (const head of store.heads.value) {
    const slot = store.slots.value.get(headName(head)) ?? 0;
    dots.push(dot(indexOf(head, store.info.value?.heads ?? 1), true, slotColor(slot, theme)));
  }
  return dots.filter(({ x, y }) => Number.isFinite(x + y));
}

/** How every dot came from where it was. */
function arrowsOf(dots: Dot[], before: Float32Array | null): Arrow[] {
  if (before === null) return [];
  return dots.flatMap((dot) => {
    const from: [number, number] = [before[2 * dot.head] as number, before[2 * dot.head + 1] as number];
    return arrowTo(dot, from, dot.chosen ? 2 : 1) ?? [];
  });
}

function dotsVector(dots: Dot[]): string {
  return dots
    .map(({ x, y, radius, color }) => `<circle cx="${x}" cy="${y}" r="${radius}" fill="${color}"/>`)
    .join("");
}

function drawDots(
  canvas: HTMLCanvasElement,
  { width, height }: ScatterGround,
  dots: Dot[],
  arrows: Arrow[],
  ratio: number,
): void {
  const context = surfaceOf(canvas, width, height, ratio)?.context;
  if (context === undefined) return;
  context.clearRect(0, 0, width, height);
  drawArrows(context, arrows);
  for (const { x, y, radius, color } of dots) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.fill();
  }
}

/** Names at the selected heads' dots, and name and values at the one pointed at. */
function Said({ view, drawn, places }: { view: View; drawn: Drawn; places: ReadonlySignal<Float32Array> }) {
  const { store, theme } = view;
  const info = store.info.value;
  if (info === null) return null;
  const placed = (head: Head) => {
    const index = indexOf(head, info.heads);
    const at = (axis: 0 | 1) => places.value[2 * index + axis] ?? Number.NaN;
    return { index, left: at(0), top: at(1) };
  };
  const labels = store.heads.value.flatMap((head) => {
    const [name, { left, top }] = [headName(head), placed(head)];
    const color = slotColor(store.slots.value.get(name) ?? 0, theme.value);
    return Number.isFinite(left + top) ? [{ name, x: left, y: top, color, bold: true }] : [];
  });
  const hovered = view.hoverHead.value;
  const { width, height, box } = drawn.ground;
  return (
    <>
      <svg class="ie-chart-layer" width={width} height={height} aria-hidden="true">
        <Names labels={labels} box={box} away={AWAY} threads />
      </svg>
      {hovered !== null && (
        <Hovered drawn={drawn} name={headName(hovered)} {...placed(hovered)} view={view} />
      )}
    </>
  );
}

function Hovered(props: {
  drawn: Drawn;
  name: string;
  index: number;
  left: number;
  top: number;
  view: View;
}) {
  const { drawn, name, index, left, top, view } = props;
  if (!Number.isFinite(left + top)) return null;
  const { shown, comparison } = view.store;
  const textAt = ({ values }: Axis, checkpoint: number) =>
    scoreText(values[checkpoint * drawn.heads + index] ?? Number.NaN);
  const then = (axis: Axis) => `${textAt(beforeIn(view.store, axis), 0)} → `;
  const said = (axis: Axis) =>
    `${comparison.other.value === null ? "" : then(axis)}${textAt(axis, shown.value)}`;
  return (
    <>
      <div class="ie-ring" style={{ transform: `translate(${left}px, ${top}px)` }} />
      <Tip x={left} y={top} width={drawn.ground.width} name={name}>
        {" "}
        {drawn.x.score.title} {said(drawn.x)}, {drawn.y.score.title} {said(drawn.y)}
      </Tip>
    </>
  );
}
