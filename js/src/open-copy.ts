/** Draws what a copy holds: the widget, over a model that answers by itself. */
import make from ".";
import { Answers, type Asked, type Held } from "./copied/answers";
import { fromBase64, unpackedFrom } from "./kernel/packed";
import { unpacked } from "./page/frames";
import { type Message, PageModel } from "./page/model";

type Traits = Record<string, unknown>;

interface Contents {
  state: Traits;
  buffer_paths: (string | number)[][];
  answers: Held[];
}

/** What of its state a copy begins otherwise with, and what hears of what the reader arranges. */
export interface Arranging {
  arranged: (state: Traits) => Traits;
  onArranged: (beginning: Traits, set: Traits) => void;
}

/**
 * @param text what export/html.py packed: frames, gzipped, in base64.
 * @param signal ends it.
 */
export async function open(
  text: string,
  el: HTMLElement,
  { arranged, onArranged }: Arranging,
  signal: AbortSignal,
): Promise<void> {
  const { data, buffers } = await contents(text);
  const { state, buffer_paths, answers } = data as Contents;
  const held = new Answers(answers, buffers.slice(buffer_paths.length));
  const model = new PageModel((message: Message) => {
    if (message.method !== "custom") {
      onArranged(state, message.state);
      return;
    }
    queueMicrotask(() => {
      for (const [content, parts] of held.to(message.content as Asked)) {
        model.receive({ method: "custom", content }, parts, null);
      }
    });
  });
  const ofState = buffers.slice(0, buffer_paths.length);
  model.receive({ method: "update", state: { ...state, ...arranged(state) }, buffer_paths }, ofState, null);
  const { initialize, render } = make();
  const props = { model: model as never, signal };
  initialize(props);
  render({ ...props, el });
}

async function contents(text: string) {
  return unpacked(await unpackedFrom(fromBase64(text), "gzip").arrayBuffer());
}
