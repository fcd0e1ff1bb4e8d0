/** The whole widget: sections in reading order, and the states in which there is nothing to draw yet. */
import { render } from "preact";
import type { Model } from "./kernel/model";
import { Curves } from "./panels/curves";
import { HeadGrid } from "./panels/head-grid";
import { Header } from "./panels/header";
import { KeptPrompts } from "./panels/kept-prompts";
import { OneCheckpoint } from "./panels/one-checkpoint";
import { Patterns } from "./panels/patterns";
import { Predictions } from "./panels/predictions";
import { PromptFlipper } from "./panels/prompt-flipper";
import { PromptForm } from "./panels/prompt-form";
import { RankedHeads } from "./panels/ranked-heads";
import { ScorePicker } from "./panels/score-picker";
import { Slider } from "./panels/slider";
import { Tokens } from "./panels/tokens";
import { readsPrompts } from "./state/held";
import type { Store } from "./state/store";
import { Tabs } from "./tabs/strip";
import { watchKernel, watchTheme } from "./ui/host";
import { keepKey } from "./ui/keys";
import { NeedsModel } from "./ui/needs-model";
import { Notices } from "./ui/notices";
import { restOffScreen } from "./ui/off-screen";
import { NoPicture } from "./ui/picture";
import { playOnce } from "./ui/play-once";
import { View, type ViewProps } from "./ui/view";

export function mount(model: Model, store: Store, el: HTMLElement, abort: AbortSignal): void {
  if (abort.aborted) return;
  watchKernel(model, el, store.connection, abort);
  render(<App view={new View(store, watchTheme(abort))} />, el);
  el.addEventListener("keydown", keepKey, { signal: abort });
  playOnce(store, el, abort);
  restOffScreen(el, abort);
  abort.addEventListener("abort", () => render(null, el), { once: true });
}

export function App({ view }: ViewProps) {
  const { info } = view.store;
  return (
    <div class="ie" data-theme={view.theme.value}>
      <NoPicture view={view} />
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

/** A grid of more layers than this comes after the ranking, which would not be on the first screen. */
const TALL = 16;

const OF_A_PROMPT = "The tokens of a prompt, attention patterns and predictions need";

function Explorer({ view }: ViewProps) {
  const alone = view.store.alone.value;
  const info = view.store.info.value;
  const tall = (info?.layers ?? 0) > TALL;
  return (
    <>
      <Header view={view} />
      {alone ? <OneCheckpoint view={view} /> : <Slider view={view} />}
      <Notices view={view} />
      <ScorePicker view={view} />
      <div class="ie-main">
        <div class="ie-side">
          {tall && <RankedHeads view={view} />}
          <HeadGrid view={view} />
          {!tall && <RankedHeads view={view} />}
        </div>
        <div class="ie-stage">
          {!alone && <Curves view={view} />}
          {readsPrompts(info) ? <OnPrompt view={view} /> : <NeedsModel view={view} what={OF_A_PROMPT} />}
        </div>
      </div>
      <Tabs view={view} />
    </>
  );
}

function OnPrompt({ view }: ViewProps) {
  return (
    <>
      <div class="ie-reading">
        {/* Above the tokens, whose lines are more or fewer with each prompt: the buttons stay under the pointer. */}
        {view.store.info.value?.without_model === null && <PromptFlipper view={view} />}
        <Tokens view={view} />
        {view.store.info.value?.without_model === null ? (
          <PromptForm view={view} />
        ) : (
          <KeptPrompts view={view} />
        )}
      </div>
      <Patterns view={view} />
      <Predictions view={view} />
    </>
  );
}
