/** The checkpoint slider: the one control that moves everything else, and its second handle. */
import { useMemo, useRef } from "preact/hooks";
import type { SeriesInfo } from "../kernel/model";
import { isInside } from "../state/phases";
import { ABOUT, checkpointText, compact, sentence, tokensText } from "../state/text";
import { trainingOf, type Unit } from "../state/training";
import { followDrag } from "../ui/pointing";
import type { ViewProps } from "../ui/view";
import { OtherSeries } from "./other-series";

const TICK_LABELS = 6;

export function Slider({ view }: ViewProps) {
  const { info, checkpoint, compare, player, unit } = view.store;
  const ticks = useMemo(
    () => info.value && <Ticks info={info.value} unit={unit.value} />,
    [info.value, unit.value],
  );
  if (info.value === null) return null;
  const { labels } = info.value;
  const [index, last] = [checkpoint.value, labels.length - 1];
  return (
    <div class="ie-slider">
      <div class="ie-slider-head">
        <button
          type="button"
          class="ie-button ie-play"
          aria-label={player.playing.value ? "Pause" : "Play"}
          onClick={() => player.toggle()}
        >
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path d={player.playing.value ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 1.5v13l10-6.5z"} />
          </svg>
        </button>
        <span class="ie-now">
          <span class="ie-now-step">{labels[index]}</span>
          {tokensText(info.value, index) !== "" && (
            <span class="ie-now-tokens"> · {tokensText(info.value, index)}</span>
          )}
        </span>
        <span class="ie-now-count">
          {index + 1} of {last + 1}
        </span>
        <button
          type="button"
          class="ie-button ie-compare"
          aria-pressed={compare.value !== null}
          onClick={() => view.store.compareTo(compare.value === null ? Math.floor(index / 2) : null)}
        >
          Compare
        </button>
      </div>
      <div class="ie-handles">
        <Handle
          name="Checkpoint"
          info={info.value}
          index={index}
          move={(next) => {
            player.playing.value = false;
            view.store.moveTo(next);
          }}
        />
        {compare.value !== null && (
          <Handle
            name="Compare with"
            info={info.value}
            index={compare.value}
            move={(next) => view.store.compareTo(next)}
          />
        )}
      </div>
      <div class="ie-ticks">
        <WindowOnTrack view={view} />
        {ticks}
      </div>
      {compare.value !== null && (
        <p class="ie-note ie-compared">compared with {checkpointText(info.value, compare.value)}</p>
      )}
      <OtherSeries view={view} />
    </div>
  );
}

interface HandleProps {
  name: "Checkpoint" | "Compare with";
  info: SeriesInfo;
  index: number;
  move: (index: number) => void;
}

function Handle({ name, info, index, move }: HandleProps) {
  const last = info.labels.length - 1;
  /** After a drag was called off, the browser's own slider goes on under the pointer until it is let go. */
  const ignored = useRef(false);
  const onPointerDown = (down: PointerEvent) => {
    ignored.current = false;
    followDrag(down, {
      cancel(event) {
        move(index);
        if ("buttons" in event && event.buttons === 0) return;
        ignored.current = true;
        const letGo = () => {
          ignored.current = false;
        };
        window.addEventListener("pointerup", letGo, { capture: true, once: true });
      },
    });
  };
  return (
    <input
      type="range"
      class={`ie-range ${name === "Checkpoint" ? "" : "ie-range-second"}`}
      aria-label={name}
      aria-valuetext={checkpointText(info, index)}
      min={0}
      max={last}
      step={1}
      value={index}
      style={{ "--ie-done": `${(100 * index) / last}%` }}
      onPointerDown={onPointerDown}
      onInput={({ currentTarget }) => {
        if (ignored.current) currentTarget.value = String(index);
        else move(Number(currentTarget.value));
      }}
    />
  );
}

function Ticks({ info, unit }: { info: SeriesInfo; unit: Unit }) {
  const { faults } = info;
  const xs = trainingOf(info, unit);
  const last = info.steps.length - 1;
  const labelled = new Set(
    Array.from({ length: TICK_LABELS }, (_, i) => Math.round((i * last) / (TICK_LABELS - 1))),
  );
  return (
    <>
      {info.steps.map((step, index) => (
        <span
          key={step}
          class={`ie-tick ${faults[index] === undefined ? "" : "ie-tick-fault"}`}
          style={{ left: `${(100 * index) / last}%` }}
          title={sentence(faults[index] ?? "")}
        >
          {labelled.has(index) && (
            <span class="ie-tick-label">
              {unit === "tokens" && info.tokens_estimated[index] && ABOUT}
              {compact(xs[index] ?? 0)}
              {index === last && <span class="ie-tick-unit"> {unit}</span>}
            </span>
          )}
        </span>
      ))}
    </>
  );
}

/** The phase change and the brushed checkpoints, under the track. */
function WindowOnTrack({ view }: ViewProps) {
  const { window, info, viewState, range, unit } = view.store;
  if (info.value === null || info.value.steps.length < 2) return null;
  const xs = trainingOf(info.value, unit.value);
  const last = xs.length - 1;
  const found = window.value;
  const inside = xs.flatMap((x, index) => (isInside(found, x) ? [index] : []));
  return (
    <>
      {inside.length > 0 && <Span name="ie-track-window" ends={[inside[0], inside.at(-1)]} last={last} />}
      {viewState.value.brush !== null && <Span name="ie-track-brush" ends={range.value} last={last} />}
    </>
  );
}

function Span({ name, ends: [from = 0, to = 0], last }: SpanProps) {
  return (
    <div
      class={name}
      style={{ left: `${(100 * from) / last}%`, width: `max(3px, ${(100 * (to - from)) / last}%)` }}
    />
  );
}

interface SpanProps {
  name: string;
  ends: [number | undefined, number | undefined];
  last: number;
}
