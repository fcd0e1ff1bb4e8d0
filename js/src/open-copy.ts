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
  /** The traits that each prompt sets of which it holds answers. */
  prompts: ShownPrompt[];
  answers: Held[];
}

interface ShownPrompt extends Traits {
  prompt: string;
  answer: string;
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
  const { state, buffer_paths, prompts, answers } = data as Contents;
  const promptOf = (text: unknown, answer: unknown) =>
    prompts.find((one) => one.prompt === text && one.answer === answer);
  const held = new Answers(answers, buffers.slice(buffer_paths.length));
  const model = new PageModel((message: Message) => {
    if (message.method !== "custom") {
      onArranged(state, message.state);
      return;
    }
    const content = message.content as Asked;
    const flipped = content.kind === "prompt" ? promptOf(content.text, content.answer) : undefined;
    queueMicrotask(() => {
      if (flipped !== undefined) {
        model.receive({ method: "update", state: flipped, buffer_paths: [] }, [], null);
        onArranged(state, { prompt: flipped.prompt, answer: flipped.answer });
        const done = { id: content.id, chunk: 0, chunks: 0, done: true, body: {} };
        model.receive({ method: "custom", content: done }, [], null);
        return;
      }
      for (const [said, parts] of held.to(content)) {
        model.receive({ method: "custom", content: said }, parts, null);
      }
    });
  });
  const ofState = buffers.slice(0, buffer_paths.length);
  const { prompt, answer, ...set } = arranged(state);
  const begins = promptOf(prompt ?? state.prompt, answer ?? state.answer);
  model.receive({ method: "update", state: { ...state, ...set, ...begins }, buffer_paths }, ofState, null);
  const { initialize, render } = make();
  const props = { model: model as never, signal };
  initialize(props);
  render({ ...props, el });
}

async function contents(text: string) {
  return unpacked(await unpackedFrom(fromBase64(text), "gzip").arrayBuffer());
}
