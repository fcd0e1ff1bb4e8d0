/**
 * Questions to the kernel and their answers.
 *
 * Answers come in parts (a body and its arrays), parts in chunks below 1 MiB. A newer request on the same
 * lane cancels the older one. Nothing ever waits forever: when the kernel has said nothing at all for a
 * while, `silent` turns true, and false again at its next word; a busy kernel may still answer late.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { type NumberArray, splitArrays } from "./arrays";
import { type ErrorInfo, listen, type Model, type Reply, type Request } from "./model";

export interface Part {
  body: Record<string, unknown>;
  arrays: Map<string, NumberArray>;
}

/** What the kernel, or the way to it, has to say instead of an answer. */
export class RequestError extends Error {
  readonly hint: string;
  constructor({ message, hint }: ErrorInfo) {
    super(message);
    this.hint = hint;
  }
}

type WithoutId<R> = R extends { kind: "cancel" } ? never : R extends unknown ? Omit<R, "id"> : never;
export type Question = WithoutId<Request>;

interface Pending {
  lane: string;
  onPart: (part: Part) => void;
  settle: (outcome: "done" | "cancelled" | RequestError) => void;
  part: { reply: Extract<Reply, { chunk: number }>; chunks: Uint8Array[] } | null;
}

/** Jupyter's answer to a message, as ipywidgets hands it over. */
interface ShellReply {
  content: { status: string; ename?: string; evalue?: string };
}

export interface Answer {
  cancel: () => void;
  /** "done" once the last part was handed over, "cancelled" when it was stopped; rejects with RequestError. */
  finished: Promise<"done" | "cancelled">;
}

const SILENCE_MS = 10_000;

export class Requests {
  readonly #model: Model;
  readonly #pending = new Map<string, Pending>();
  readonly #silent = signal(false);
  readonly #silence: number;
  readonly #prefix = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: Model, abort: AbortSignal, silence = SILENCE_MS) {
    this.#model = model;
    this.#silence = silence;
    listen(model, "msg:custom", (reply: Reply, buffers?: DataView[]) => this.#receive(reply, buffers), abort);
    abort.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  get silent(): ReadonlySignal<boolean> {
    return this.#silent;
  }

  /** Sends; `lane` names what a newer request replaces. */
  send(question: Question, lane: string, onPart: (part: Part) => void): Answer {
    for (const [id, pending] of this.#pending) if (pending.lane === lane) this.#cancel(id);
    const id = `${this.#prefix}-${++this.#count}`;
    const finished = new Promise<"done" | "cancelled">((resolve, reject) => {
      const settle: Pending["settle"] = (outcome) =>
        outcome instanceof RequestError ? reject(outcome) : resolve(outcome);
      this.#pending.set(id, { lane, onPart, settle, part: null });
    });
    this.#post({ ...question, id } as Request, id);
    this.#watch();
    return { cancel: () => this.#cancel(id), finished };
  }

  /** The kernel gave a sign of life, in a message or a trait. */
  heard(): void {
    this.#silent.value = false;
    this.#watch();
  }

  #post(request: Request, id: string): void {
    try {
      this.#model.send(request, { shell: { reply: (reply: ShellReply) => this.#refused(id, reply) } });
    } catch {
      // JupyterLab's comm throws once its kernel was shut down.
      this.#end(
        id,
        new RequestError({
          message: "The kernel is gone, so this cannot be computed.",
          hint: "Run the cell again.",
        }),
      );
    }
  }

  /** A kernel says nothing of a message that it has handled, only that it could not. */
  #refused(id: string, { content }: ShellReply): void {
    if (content.status !== "error") return;
    this.heard();
    this.#end(
      id,
      new RequestError({
        message: `The kernel cannot take requests: ${content.ename}: ${content.evalue}.`,
        hint: "Reload the page, or run the cell again.",
      }),
    );
  }

  #cancel(id: string): void {
    if (!this.#pending.has(id)) return;
    this.#end(id, "cancelled");
    this.#post({ id, kind: "cancel" }, id);
  }

  #end(id: string, outcome: "done" | "cancelled" | RequestError): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.settle(outcome);
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#pending.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#silent.value = true;
    }, this.#silence);
  }

  #receive(reply: Reply, buffers: DataView[] = []): void {
    this.heard();
    const pending = this.#pending.get(reply?.id);
    if (pending === undefined) return;
    try {
      if ("error" in reply) throw new RequestError(reply.error);
      const part = assemble(pending, reply, buffers);
      if (part === null) return;
      pending.onPart(part);
      if (reply.done) this.#end(reply.id, "done");
    } catch (error) {
      const known = error instanceof RequestError;
      this.#end(reply.id, known ? error : new RequestError({ message: unreadable(error), hint: "" }));
    }
  }
}

function unreadable(error: unknown): string {
  return `The kernel's answer cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
}

/** The whole part once its last chunk is there, else null. Throws when a chunk is missing. */
function assemble(
  pending: Pending,
  reply: Extract<Reply, { chunk: number }>,
  buffers: DataView[],
): Part | null {
  if (reply.chunk === 0) pending.part = { reply, chunks: [] };
  const part = pending.part;
  if (part === null || part.chunks.length !== reply.chunk)
    throw new Error(`chunk ${reply.chunk} out of order`);
  for (const { buffer, byteOffset, byteLength } of buffers.slice(0, reply.chunks > 0 ? 1 : 0)) {
    part.chunks.push(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  }
  if (part.chunks.length < Math.min(reply.chunk + 1, reply.chunks)) {
    throw new Error(`chunk ${reply.chunk} has no data`);
  }
  if (part.chunks.length < reply.chunks) return null;
  pending.part = null;
  return {
    body: part.reply.body ?? {},
    arrays: splitArrays(join(part.chunks), part.reply.arrays ?? []),
  };
}

function join(chunks: Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
