/** The whole widget: sections in reading order, and the states in which there is nothing to draw yet. */
import { render } from "preact";
import { watchKernel, watchTheme } from "../host";
import { keepKey } from "../keys";
import type { Model } from "../model";
import type { Store } from "../state";
import { Curves } from "./curves";
import { HeadGrid } from "./head-grid";
import { Header } from "./header";
import { Measures } from "./measures";
import { Notices } from "./notices";
import { Patterns } from "./patterns";
import { Predictions } from "./predictions";
import { PromptForm } from "./prompt-form";
import { ScorePicker } from "./score-picker";
import { Slider } from "./slider";
import { Tokens } from "./tokens";
import { View, type ViewProps } from "./view";

export function mount(model: Model, store: Store, el: HTMLElement, abort: AbortSignal): void {
  if (abort.aborted) return;
  watchKernel(model, el, store.connection, abort);
  render(<App view={new View(store, watchTheme(abort))} />, el);
  el.addEventListener("keydown", keepKey, { signal: abort });
  abort.addEventListener("abort", () => render(null, el), { once: true });
}

export function App({ view }: ViewProps) {
  const { info } = view.store;
  return (
    <div class="ie" data-theme={view.theme.value}>
      {info.value === null ? <Empty view={view} /> : <Explorer view={view} />}
    </div>
  );
}

function Empty({ view }: ViewProps) {
  return (
    <>
      <Notices view={view} />
      <p class="ie-note">No series yet: the kernel has not said which checkpoints there are.</p>
    </>
  );
}

function Explorer({ view }: ViewProps) {
  return (
    <>
      <Header view={view} />
      <Slider view={view} />
      <Notices view={view} />
      <ScorePicker view={view} />
      <div class="ie-columns ie-columns-scores">
        <HeadGrid view={view} />
        <Curves view={view} />
      </div>
      <div class="ie-section">
        <PromptForm view={view} />
        <Tokens view={view} />
      </div>
      <div class="ie-columns ie-columns-patterns">
        <Patterns view={view} />
        <Predictions view={view} />
      </div>
      <Measures view={view} />
    </>
  );
}
