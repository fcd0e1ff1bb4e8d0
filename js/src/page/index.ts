/**
 * The page of an explorer without a notebook: one socket to the process that serves it, one view.
 *
 * Whatever the reader arranged is the explorer's, in that process. So a page that loses it loads itself again as
 * soon as it answers.
 */
import { packed, unpacked } from "./frames";
import { type Message, PageModel } from "./model";

interface Widget {
  initialize: (props: { model: PageModel; signal: AbortSignal }) => void;
  render: (props: { model: PageModel; el: HTMLElement; signal: AbortSignal }) => void;
}

const AGAIN_MS = 2000;

function open(): WebSocket {
  const url = new URL(`socket${location.search}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  return socket;
}

/** Tries until the process answers again. */
function returnLater(): void {
  setTimeout(() => {
    const socket = open();
    socket.onopen = () => location.reload();
    socket.onclose = returnLater;
  }, AGAIN_MS);
}

const socket = open();
const model = new PageModel((message, mark) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(packed(message, mark));
});
// Its address is not known when this file is built: they are served beside each other.
const address = "./widget.js";
const widget: Promise<Widget> = import(address).then((module) => module.default());
const { signal } = new AbortController();
let drawn = false;

socket.onmessage = async ({ data }: MessageEvent<ArrayBuffer>) => {
  const frame = unpacked(data);
  model.receive(frame.data as Message, frame.buffers, frame.mark);
  if (drawn) return;
  drawn = true; // the first message is the state
  const { initialize, render } = await widget;
  initialize({ model, signal });
  render({ model, el: document.body.appendChild(document.createElement("main")), signal });
};
socket.onclose = () => {
  model.lose();
  returnLater();
};
