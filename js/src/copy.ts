/**
 * A copy of an explorer in a file: no kernel, no network. What it holds stands in the page, packed; what the
 * reader arranges stands in the address, so that a link opens where it was left.
 */
import make from ".";
import { arrangedIn, withArranged } from "./copied/address";
import { Answers, type Asked, type Held } from "./copied/answers";
import { unpacked } from "./page/frames";
import { type Message, PageModel } from "./page/model";

interface Contents {
  state: Record<string, unknown>;
  buffer_paths: (string | number)[][];
  answers: Held[];
}

async function contents() {
  const text = document.getElementById("held")?.textContent ?? "";
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return unpacked(await new Response(stream).arrayBuffer());
}

const { data, buffers } = await contents();
const { state, buffer_paths, answers } = data as Contents;
const ofState = buffers.slice(0, buffer_paths.length);
const held = new Answers(answers, buffers.slice(buffer_paths.length));

const model = new PageModel((message: Message) => {
  if (message.method !== "custom") {
    const { hash } = location;
    const next = withArranged(hash, state, message.state);
    // A frame without an address of its own, as of a notebook, has none to change.
    if (next !== hash) {
      try {
        history.replaceState(null, "", next);
      } catch {}
    }
    return;
  }
  queueMicrotask(() => {
    for (const [content, parts] of held.to(message.content as Asked)) {
      model.receive({ method: "custom", content }, parts, null);
    }
  });
});
const arranged = { ...state, ...arrangedIn(location.hash) };
model.receive({ method: "update", state: arranged, buffer_paths }, ofState, null);
document.documentElement.classList.toggle("embedded", new URLSearchParams(location.search).has("embed"));

const { signal } = new AbortController();
const { initialize, render } = make();
const props = { model: model as never, signal };
initialize(props);
render({ ...props, el: document.querySelector("main") as HTMLElement });
