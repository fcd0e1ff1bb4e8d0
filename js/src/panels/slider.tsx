/** The checkpoint slider: the one control that moves everything else, and its second handle. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { headAxis } from "../chart/head-curves";
import type { PlacedAxis } from "../chart/plot";
import { tokensText } from "../state/text";
import { isInVSCode, pin } from "../ui/pinned";
import { placeIn } from "../ui/pointing";
import { useWidth } from "../ui/use-size";
import type { ViewProps } from "../ui/view";
import { ComparedSeries, ComparedText } from "./compared-series";
import { FindingsLine, Marks, MarkTip } from "./slider-findings";
import { Handle } from "./slider-handle";
import { Ticks, WindowOnTrack } from "./slider-ticks";

export function Slider({ view }: ViewProps) {
  const { info, checkpoint, compare, player, growth, series } = view.store;
  // As wide as the curves, so that a handle stands above its checkpoint there.
  const [rail, width] = useWidth<HTMLDivElement>();
  const axis = useComputed(() => headAxis(view, width.value));
  const slider = useRef<HTMLDivElement>(null);
  const pointer = useSignal<number | null>(null);
  useEffect(() => {
    const root = slider.current?.closest<HTMLElement>(".ie");
    if (slider.current !== null && root != null && isInVSCode()) return pin(slider.current, root);
    return undefined;
  }, []);
  if (info.value === null) return null;
  const { labels } = info.value;
  const [index, last] = [checkpoint.value, labels.length - 1];
  return (
    <div class="ie-slider" ref={slider}>
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
          {index + 1} of {last + 1}{" "}
          {growth.grown.value.has(series.value) && (
            <span
              class="ie-now-run"
              title="New checkpoints appear as they are written. At the last one the handle goes on with them; anywhere else it stays."
            >
              {index === last ? (
                <>
                  following<span> the run</span>
                </>
              ) : (
                <>
                  <span>the run </span>goes on
                </>
              )}
            </span>
          )}
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
      <div
        ref={rail}
        class="ie-rail"
        onPointerMove={(event) => {
          pointer.value = placeIn(event, event.currentTarget)[0];
        }}
        onPointerLeave={() => {
          pointer.value = null;
        }}
      >
        <Rail view={view} axis={axis} />
        <MarkTip view={view} axis={axis} place={pointer} />
      </div>
      <FindingsLine view={view} />
      {compare.value !== null && (
        <p class="ie-note ie-compared">
          compared with <ComparedSeries view={view} />
          <ComparedText view={view} />
        </p>
      )}
    </div>
  );
}

/** Before there is a width to place anything in, there are the handles. */
const UNPLACED: PlacedAxis = { left: 0, right: 0, x: [], at: () => 0 };

function Rail({ view, axis }: ViewProps & { axis: ReadonlySignal<PlacedAxis | null> }) {
  const { info, checkpoint, compare, player } = view.store;
  if (info.value === null) return null;
  const placed = axis.value ?? UNPLACED;
  const { left, right, x } = placed;
  return (
    <>
      <div class="ie-track" style={{ left: `${left}px`, width: `${right - left}px` }} />
      <div
        class="ie-track ie-track-done"
        style={{ left: `${left}px`, width: `${(x[checkpoint.value] ?? left) - left}px` }}
      />
      <Handle
        name="Checkpoint"
        info={info.value}
        axis={placed}
        index={checkpoint.value}
        move={(next) => {
          player.playing.value = false;
          view.store.moveTo(next);
        }}
      />
      {compare.value !== null && (
        <Handle
          name="Compare with"
          info={info.value}
          axis={placed}
          index={compare.value}
          move={(next) => view.store.compareTo(next)}
        />
      )}
      <WindowOnTrack view={view} axis={placed} />
      <Ticks view={view} axis={axis} />
      <Marks view={view} axis={axis} />
    </>
  );
}
