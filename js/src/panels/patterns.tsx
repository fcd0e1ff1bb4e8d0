/** The attention patterns of the selected heads, side by side. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { AttentionLegend } from "../chart/attention-legend";
import { usePixelRatio } from "../chart/canvas";
import { cellIn, drawPattern } from "../chart/pattern-drawing";
import type { Head } from "../contract.gen";
import { Save } from "../export/save";
import { patternTable } from "../export/tables";
import { WAITING } from "../kernel/connection";
import { headName, sameHead } from "../state/heads";
import { sentence } from "../state/text";
import { attentionLut, slotColor } from "../ui/color";
import { TryAgain } from "../ui/notices";
import { useAsks } from "../ui/use-asks";
import { useLeaving } from "../ui/use-leaving";
import { useWidth } from "../ui/use-width";
import type { View, ViewProps } from "../ui/view";
import { Enlarged } from "./enlarged";

export function Patterns({ view }: ViewProps) {
  const { heads, promptInfo } = view.store;
  const tokens = promptInfo.value?.tokens.length ?? 0;
  useAsks(view.store, () => heads.value.map((head) => ({ analysis: "patterns", parameters: { head } })));
  return (
    <section class="ie-patterns">
      <div class="ie-caption">
        <span class="ie-heading">Attention patterns</span>
        <AttentionLegend view={view} />
        <Save view={view} title="Attention patterns" table={() => patternTable(view.store)} />
      </div>
      {heads.value.length === 0 ? (
        <p class="ie-note">Select a head in the grid to see where it attends; Shift or Ctrl adds more.</p>
      ) : tokens === 0 ? (
        <p class="ie-note">Run a prompt to see where the selected heads attend.</p>
      ) : (
        <div class={`ie-panels ${heads.value.length === 1 ? "ie-panels-one" : ""}`}>
          {heads.value.map((head) => (
            <Panel key={headName(head)} view={view} head={head} tokens={tokens} />
          ))}
        </div>
      )}
    </section>
  );
}

function Panel({ view, head, tokens }: { view: View; head: Head; tokens: number }) {
  const { store, theme } = view;
  const name = headName(head);
  const active = store.activeHead.value !== null && sameHead(store.activeHead.value, head);
  const [large, enlarge] = [useSignal(false), useRef<HTMLButtonElement>(null)];
  const open = () => {
    large.value = true;
  };
  const closed = () => {
    large.value = false;
    enlarge.current?.focus();
  };
  return (
    <div class="ie-panel" style={{ "--ie-slot": slotColor(store.slots.value.get(name) ?? 0, theme.value) }}>
      <button
        type="button"
        class="ie-panel-title"
        aria-pressed={active}
        title={`Let token hover show ${name}`}
        onClick={() => store.activateHead(head)}
      >
        {name}
      </button>
      <button type="button" ref={enlarge} class="ie-enlarge" aria-label={`Enlarge ${name}`} onClick={open}>
        Enlarge
      </button>
      {large.value && <Enlarged view={view} head={head} closed={closed} />}
      <div class="ie-panel-plot">
        <span class="ie-axis ie-axis-query">query</span>
        <div class="ie-panel-square">
          <PatternCanvas view={view} head={head} enlarge={open} />
          <Crosshair view={view} head={head} tokens={tokens} />
          <State view={view} head={head} />
        </div>
        <span class="ie-axis ie-axis-key">key</span>
      </div>
    </div>
  );
}

function PatternCanvas({ view, head, enlarge }: { view: View; head: Head; enlarge: () => void }) {
  const { store, theme, hover } = view;
  const [canvas, width] = useWidth<HTMLCanvasElement>();
  const ratio = usePixelRatio();
  useSignalEffect(() => {
    const found = store.results.of("patterns", { head }).at(store.shown.value);
    const n = store.promptInfo.value?.tokens.length ?? 0;
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    if (canvas.current !== null) {
      drawPattern(canvas.current, n, found?.patterns ?? null, colors, width.value * ratio.value);
    }
  });
  const leave = () => {
    hover.value = null;
  };
  useLeaving(leave);
  const onPointerMove = (event: PointerEvent) => {
    const { width: whole } = event.currentTarget as HTMLCanvasElement;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * whole);
    const y = Math.floor(((event.clientY - box.top) / box.height) * whole);
    const triangle = store.results.of("patterns", { head }).at(store.shown.peek())?.patterns ?? null;
    const cell = cellIn(x, y, whole, store.promptInfo.peek()?.tokens.length ?? 0, triangle);
    const before = hover.peek();
    if (before?.query === cell?.[0] && before?.key === cell?.[1]) return;
    hover.value = cell === null ? null : { query: cell[0], key: cell[1], head };
  };
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={`Attention pattern ${headName(head)}`}
      class="ie-pattern"
      onPointerMove={onPointerMove}
      onPointerLeave={leave}
      onClick={enlarge}
    />
  );
}

/** The row of the pointed query, and the column of the pointed key. */
function Crosshair({ view, head, tokens }: { view: View; head: Head; tokens: number }) {
  const pointed = view.pointed.value;
  if (pointed === null || pointed.query >= tokens) return null;
  const cell = 100 / tokens;
  const own = pointed.head === null || sameHead(pointed.head, head);
  return (
    <>
      <div
        class="ie-cross"
        style={{
          top: `${pointed.query * cell}%`,
          height: `${cell}%`,
          width: `${(pointed.query + 1) * cell}%`,
        }}
      />
      {pointed.key !== null && own && (
        <div
          class="ie-cross"
          style={{
            left: `${pointed.key * cell}%`,
            width: `${cell}%`,
            top: `${pointed.key * cell}%`,
            bottom: 0,
          }}
        />
      )}
    </>
  );
}

/** Why the panel is empty, while it is. */
function State({ view, head }: { view: View; head: Head }) {
  const { results, shown, connection, info } = view.store;
  const result = results.of("patterns", { head });
  if (result.at(shown.value) !== null) return null;
  const error = result.failure(shown.value);
  if (error !== null) {
    return (
      <div class="ie-panel-state" role="alert">
        {sentence(`${error.message} ${error.hint}`)} <TryAgain view={view} />
      </div>
    );
  }
  const faulty = info.value?.faults[shown.value] !== undefined;
  const text = faulty ? "no usable checkpoint" : WAITING[connection.state.value];
  return <div class="ie-panel-state">{text}</div>;
}
