/**
 * Scores of all heads at the shown checkpoint. Colours and numbers are one canvas, redrawn once a frame;
 * over it lie the cells that can be focused, selected and read aloud, which change far less often.
 */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { usePixelRatio } from "../chart/canvas";
import { CellTip } from "../chart/cell-tip";
import {
  type Compared,
  drawGrid,
  type GridLayout,
  gridVector,
  type Marks,
  nameCells,
  numberIn,
  placeOfMark,
} from "../chart/grid-drawing";
import { Legend } from "../chart/legend";
import { useGridLayout } from "../chart/use-grid-layout";
import type { Head } from "../contract.gen";
import { drawsAs } from "../export/parts";
import { Save } from "../export/save";
import { atHandles, changeTable, scoreTable } from "../export/tables";
import type { Named } from "../state/classes";
import { headName, sameHead } from "../state/heads";
import { groupEnds, sharedText, sharingText } from "../state/shared-keys";
import { evenScaleTo, type Scale, scoreScale, slotColor } from "../ui/color";
import { ComparedAs } from "../ui/compared-as";
import { headAt } from "../ui/pointing";
import { useRoving } from "../ui/roving";
import { useLeaving } from "../ui/use-leaving";
import type { View, ViewProps } from "../ui/view";
import { ClassMarks, marksOf } from "./class-marks";

/** Up to this many cells the names follow every frame; more of them wait until the movement rests. */
const LIVE_CELLS = 64;
const REST_MS = 120;
/** Narrower than this, a cell has no room for a ring in the ring. */
const SMALL_CELL = 24;
/** Colours of changes reach to no less than this. */
const LEAST_CHANGE = 0.01;

export function HeadGrid({ view }: ViewProps) {
  const { store, theme } = view;
  const [ref, layout] = useGridLayout(store);
  const { comparison } = store;
  /** How every head changed, where that is what the grid shows. */
  const change = useComputed(() =>
    store.viewState.value.compared_scores === "change" ? comparison.change.value : null,
  );
  const scale = useComputed<Scale | null>(() => {
    const [score, values] = [store.scoreInfo.value, store.gridValues.value];
    if (score === null || values === null) return null;
    return change.value === null
      ? scoreScale(score, values, theme.value)
      : evenScaleTo(comparison.largest.value, LEAST_CHANGE, theme.value);
  });
  const painted = useComputed(() => change.value ?? store.shownScores.value);
  const compared = useComputed<Compared | null>(() =>
    comparison.change.value === null
      ? null
      : { change: comparison.change.value, labelOf: (head) => comparison.labelOf(head) },
  );
  const marks = useComputed(() => marksOf(store));
  const laid = layout.value;
  const score = store.scoreInfo.value;
  const isChange = change.value !== null;
  const here = store.alone.value ? "" : " at this checkpoint";
  const title = isChange ? `Change of ${score?.title}` : `${score?.title}${here}`;
  return (
    <section class="ie-grid" ref={ref}>
      <div class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          {title}
        </span>
        <span class="ie-note">
          {isChange ? ` ${comparison.label.value} → ${store.info.value?.labels[store.shown.value]} ` : " "}
        </span>
        {comparison.other.value !== null && (
          <ComparedAs view={view} label="Grid shows" choice="compared_scores" ways={CHANGE_OR_VALUE} />
        )}
        <Save
          view={view}
          title={title}
          about={{ scores: [score] }}
          draw={(paper) => <HeadGrid view={paper} />}
          table={() => (isChange ? changeTable(store) : scoreTable(store, [score?.name ?? ""]))}
          shownTable={() =>
            isChange
              ? changeTable(store)
              : scoreTable(store, [score?.name ?? ""], { checkpoints: atHandles(store) })
          }
        />
      </div>
      {laid !== null && (
        <Cells
          key={`${laid.layers}x${laid.heads}`}
          view={view}
          layout={laid}
          scale={scale}
          values={store.shownScores}
          painted={painted}
          compared={compared}
          label="Head scores"
          score={score?.name ?? ""}
          signed={isChange}
          names={store.classes.shown}
          marks={marks}
        />
      )}
      <Legend view={view} scale={scale} isChange={isChange} />
      <SharedKeys view={view} />
      <ClassMarks view={view} tooSmall={laid !== null && hasNoRoom(laid, isChange)} />
      {comparison.elsewhere.value && <Matched view={view} />}
    </section>
  );
}

/** Whether cells are too small for the letters of classes. */
function hasNoRoom(layout: GridLayout, signed: boolean): boolean {
  return placeOfMark(layout, numberIn(layout, 2, signed) !== null) === null;
}

/** Where heads share keys and values, which do; and of the head that is pointed at or else read, with whom. */
function SharedKeys({ view }: ViewProps) {
  const { info, activeHead } = view.store;
  const said = info.value === null ? "" : sharingText(info.value);
  if (info.value === null || said === "") return null;
  const head = view.hoverHead.value ?? activeHead.value;
  const shared = head === null ? "" : sharedText(info.value, head);
  return (
    <p class="ie-note ie-shared-keys">
      {said.charAt(0).toUpperCase() + said.slice(1)}.
      {head !== null && shared !== "" && ` ${headName(head)} ${shared}.`}
    </p>
  );
}

/** Of the head that is pointed at or else read: its counterpart in the other series, and why that one. */
function Matched({ view }: ViewProps) {
  const { comparison, activeHead, series, scoreIn } = view.store;
  const head = view.hoverHead.value ?? activeHead.value;
  const title = (score: string) => scoreIn(series.value, score)?.title.toLowerCase() ?? score;
  return (
    <p class="ie-note ie-matched">
      {head === null
        ? "Each head is compared with the one that ranks as high there."
        : comparison.reason(head, title)}
    </p>
  );
}

/** Of the cells' colours and numbers, with two handles. */
const CHANGE_OR_VALUE = { change: "change", value: "value" };

interface CellsProps extends ViewProps {
  layout: GridLayout;
  scale: ReadonlySignal<Scale | null>;
  /** One a head, layer by layer. */
  values: ReadonlySignal<Float32Array>;
  /** What is painted, where that is not the values. */
  painted?: ReadonlySignal<Float32Array>;
  /** How the values changed, for the names of the cells. */
  compared?: ReadonlySignal<Compared | null>;
  /** Of the grid. */
  label: string;
  /** What a value is, in the names of the cells. */
  score: string;
  /** Decimals of the numbers in cells that have room for them. */
  digits?: number;
  /** Whether gains have a plus. */
  signed?: boolean;
  /** What heads are called, for the descriptions of the cells; and what is painted of that. */
  names?: ReadonlySignal<readonly (Named | null)[]>;
  marks?: ReadonlySignal<Marks | null>;
}

/** Values of all heads: coloured, numbered where there is room, to be pointed at and selected. */
export function Cells(props: CellsProps) {
  const { view, layout, scale, values, painted = values, compared, label, score } = props;
  const { digits = 2, signed = false, names, marks } = props;
  const { store, theme } = view;
  const canvas = useRef<HTMLCanvasElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const ratio = usePixelRatio();
  const { layers, heads } = layout;
  const roving = useRoving(grid, { role: "gridcell", count: layers * heads, columns: heads });
  const laid = useSignal(layout);
  laid.value = layout;
  const named = useSignal(score);
  named.value = score;
  const isSigned = useSignal(signed);
  isSigned.value = signed;

  const ends = useComputed(() => (store.info.value === null ? [] : groupEnds(store.info.value)));
  useSignalEffect(() => {
    if (canvas.current === null) return;
    const look = {
      scale: scale.value,
      theme: theme.value,
      digits,
      signed: isSigned.value,
      marks: marks?.value ?? null,
      ends: ends.value,
    };
    const [now, cells] = [laid.value, painted.value];
    drawGrid(canvas.current, now, cells, look, ratio.value);
    drawsAs(canvas.current, () => gridVector(now, cells, look));
  });
  useSignalEffect(() => {
    const [what, now, before, info] = [named.value, values.value, compared?.value ?? null, store.info.value];
    if (info === null) return;
    const cells = grid.current?.querySelectorAll("[role=gridcell]") ?? [];
    const called = names?.value ?? [];
    if (cells.length <= LIVE_CELLS) return nameCells(cells, info, what, now, before, called);
    const timer = setTimeout(() => nameCells(cells, info, what, now, before, called), REST_MS);
    return () => clearTimeout(timer);
  });

  /** The head whose number is said, where cells have no room for theirs. */
  const said = useSignal<Head | null>(null);
  const leave = () => {
    view.hoverHead.value = null;
    said.value = null;
  };
  useLeaving(leave);
  const choose = (event: MouseEvent | KeyboardEvent) => {
    const head = headAt(event.target);
    if (head !== null) store.selectHead(head, event.shiftKey || event.ctrlKey || event.metaKey);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (roving.move(event) !== null || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    choose(event);
  };
  const style = { "--ie-cell-w": `${layout.width}px`, "--ie-cell-h": `${layout.height}px` };
  return (
    <div
      class={`ie-grid-body ${layout.width < SMALL_CELL ? "ie-grid-small" : ""} ${layout.overflows ? "ie-grid-wide" : ""}`}
      style={style}
    >
      <AxisNames layout={layout} />
      <canvas ref={canvas} class="ie-grid-canvas" />
      <div
        ref={grid}
        class="ie-grid-cells"
        role="grid"
        aria-label={label}
        aria-multiselectable="true"
        tabIndex={-1}
        onClick={choose}
        onKeyDown={onKeyDown}
        onFocusIn={(event) => {
          roving.focused(event);
          said.value = headAt(event.target);
        }}
        onFocusOut={() => {
          said.value = null;
        }}
        onPointerOver={(event) => {
          view.hoverHead.value = headAt(event.target);
          said.value = view.hoverHead.value;
        }}
        onPointerLeave={leave}
      >
        {range(layers).map((layer) => (
          <div role="row" aria-label={`layer ${layer}`} class="ie-grid-row" tabIndex={-1} key={layer}>
            {range(heads).map((head) => (
              <Cell
                key={head}
                view={view}
                head={[layer, head]}
                tabIndex={roving.tabIndex(layer * heads + head)}
              />
            ))}
          </div>
        ))}
      </div>
      {numberIn(layout, digits, signed) === null && (
        <CellTip
          layout={layout}
          values={painted}
          head={said}
          info={store.info.value}
          signed={signed}
          names={names}
        />
      )}
    </div>
  );
}

function Cell({ view, head, tabIndex }: { view: View; head: Head; tabIndex: 0 | -1 }) {
  const slot = view.store.slots.value.get(headName(head));
  const hovered = view.hoverHead.value !== null && sameHead(view.hoverHead.value, head);
  return (
    <div
      role="gridcell"
      class={`ie-cell ${hovered ? "ie-cell-hovered" : ""}`}
      data-head={head.join()}
      tabIndex={tabIndex}
      aria-selected={slot !== undefined}
      style={slot === undefined ? {} : { "--ie-slot": slotColor(slot, view.theme.value) }}
    />
  );
}

function AxisNames({ layout }: { layout: GridLayout }) {
  const [everyHead, everyLayer] = [Math.ceil(30 / layout.width), Math.ceil(13 / layout.height)];
  return (
    <>
      <div class="ie-grid-columns" aria-hidden="true">
        {range(layout.heads).map((head) => (
          <span key={head}>{head % everyHead === 0 ? `H${head}` : ""}</span>
        ))}
      </div>
      <div class="ie-grid-layers" aria-hidden="true">
        {range(layout.layers).map((layer) => (
          <span key={layer}>{layer % everyLayer === 0 ? `L${layer}` : ""}</span>
        ))}
      </div>
    </>
  );
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
