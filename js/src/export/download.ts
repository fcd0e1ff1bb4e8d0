/**
 * How a file reaches the reader: the page downloads it, or the kernel puts it beside the notebook, as in VS Code,
 * whose webviews may block downloads without saying so.
 */
import { RequestError, type Requests } from "../kernel/requests";

/** Bytes of a part, of which Base64 makes a third more: no message is above 1 MiB. */
const PART = 512 << 10;

/** Hands a file over; returns where it lies, in words, unless the browser says it. */
export async function deliver(requests: Requests, name: string, content: Blob): Promise<string | null> {
  const inVSCode = document.body.dataset.vscodeThemeKind !== undefined;
  if (inVSCode && requests.connection.connected.peek()) {
    return `saved by the kernel as ${await placed(requests, name, content)}`;
  }
  download(name, content);
  return null;
}

async function placed(requests: Requests, name: string, content: Blob): Promise<string> {
  const bytes = new Uint8Array(await content.arrayBuffer());
  const file = Math.random().toString(36).slice(2);
  const parts = Math.max(1, Math.ceil(bytes.length / PART));
  let path = "";
  for (let part = 0; part < parts; part++) {
    const data = base64(bytes.subarray(part * PART, (part + 1) * PART));
    const question = { kind: "save", file, name, part, last: part === parts - 1, data } as const;
    const outcome = await requests.send(question, "save", ({ body }) => {
      path = String(body.path ?? "");
    }).finished;
    if (outcome !== "done") throw new RequestError({ message: `the kernel is ${outcome}.`, hint: "" });
  }
  return path;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Not at once: some browsers begin to read only after the click is over.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** "attn-only-2l loss by position, step 1,300" → "attn-only-2l-loss-by-position-step-1300". */
export function fileName(words: string): string {
  return words
    .toLowerCase()
    .replace(/[,.](?=\d)/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
}
