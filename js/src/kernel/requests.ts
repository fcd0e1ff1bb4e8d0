/**
 * Questions to the kernel and their answers.
 *
 * Answers come in parts (a body and its arrays), parts in chunks below 1 MiB. A newer request on the same
 * lane cancels the older one. Nothing waits forever: a kernel that was quiet is asked what it still works on,
 * and a request it knows nothing of is asked once more, then given up; all end when the kernel is gone.
 */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { type NumberArray, splitArrays } from "./arrays";
import { Connection } from "./connection";
import { type ErrorInfo, listen, type Model, type Reply, type Request } from "./model";
import { unpackedFrom } from "./packed";

export interface Part {
  body: Record<string, unknown>;
  arrays: Map<string, NumberArray>;
}

/** What the kernel, or the way to it, has to say instead of an answer. */
export class RequestError extends Error {
  readonly hint: string;
  readonly anyway: boolean;
  readonly final: boolean;
  constructor({ message, hint, anyway = false, final = false }: ErrorInfo) {
    super(message);
    this.hint = hint;
    this.anyway = anyway;
    this.final = final;
  }
}

type WithoutId<R> = R extends { kind: "cancel" | "ping" } ? never : R extends unknown ? Omit<R, "id"> : never;
export type Question = WithoutId<Request>;

/** How a request ends without an answer or an error: replaced or stopped by the page, or with the kernel. */
export type Outcome = "done" | "cancelled" | "gone";

type Chunk = Extract<Reply, { chunk: number }>;

/** Where the chunks of a part are kept until the last one comes. */
interface Assembly {
  onPart: (part: Part) => void;
  part: { reply: Chunk; chunks: Uint8Array[] } | null;
}

interface Pending extends Assembly {
  lane: string;
  question: Question;
  /** Until what came is handed over: what is packed takes a moment. */
  turns: Promise<void> | null;
  /** It was asked twice, as the kernel knew nothing of it. */
  repeated: boolean;
  settle: (outcome: Outcome | RequestError) => void;
}

/** Jupyter's answer to a message, as ipywidgets hands it over. */
interface ShellReply {
  content: { status: string; ename?: string; evalue?: string };
}

export interface Answer {
  cancel: () => void;
  /** "done" once the last part was handed over; rejects with RequestError. */
  finished: Promise<Outcome>;
}

export class Requests {
  readonly connection: Connection;
  readonly #model: Model;
  /** In the order in which they were sent. */
  readonly #pending = new Map<string, Pending>();
  /** What comes without being asked for, by its id. */
  readonly #followed = new Map<string, Assembly>();
  readonly #asking = signal(false);
  readonly #prefix = Math.random().toString(36).slice(2, 8);
  #ping: { id: string; asked: string[] } | null = null;
  #count = 0;

  /** `computing` is whether the kernel works on its own account, of which it will tell. */
  constructor(model: Model, computing: ReadonlySignal<boolean>, abort: AbortSignal) {
    this.#model = model;
    this.connection = new Connection(
      computed(() => this.#asking.value || computing.value),
      abort,
    );
    this.connection.whenQuiet(() => this.#sendPing());
    listen(model, "msg:custom", (reply: Reply, buffers?: DataView[]) => this.#receive(reply, buffers), abort);
    const endWithKernel = () => {
      if (!this.connection.connected.value) for (const id of [...this.#pending.keys()]) this.#end(id, "gone");
    };
    abort.addEventListener("abort", effect(endWithKernel), { once: true });
  }

  /** Sends; `lane` names what a newer request replaces. */
  send(question: Question, lane: string, onPart: (part: Part) => void): Answer {
    for (const [id, pending] of this.#pending) if (pending.lane === lane) this.#cancel(id);
    const id = this.#newId();
    const finished = new Promise<Outcome>((resolve, reject) => {
      const settle: Pending["settle"] = (outcome) =>
        outcome instanceof RequestError ? reject(outcome) : resolve(outcome);
      this.#pending.set(id, { lane, question, repeated: false, onPart, settle, part: null, turns: null });
    });
    this.#asking.value = true;
    this.#post({ ...question, id } as Request);
    return { cancel: () => this.#cancel(id), finished };
  }

  /** Hands over the parts that come under this id unasked. */
  follow(id: string, onPart: (part: Part) => void): void {
    this.#followed.set(id, { onPart, part: null });
  }

  #newId(): string {
    return `${this.#prefix}-${++this.#count}`;
  }

  #post(request: Request): void {
    try {
      const refused = (reply: ShellReply) => this.#refused(request.id, reply);
      // What hears of replies in Jupyter, marimo calls once the message is sent.
      this.#model.send(
        request,
        Object.assign(() => {}, { shell: { reply: refused } }),
      );
    } catch {
      // JupyterLab's comm throws once its kernel was shut down.
      this.connection.lose();
    }
  }

  /**
   * A kernel says nothing of a message that it has handled, only that it could not. JupyterLab drops that word
   * when the kernel's idle status overtakes it; the next ping asks for it again, on behalf of all that waits.
   */
  #refused(id: string, { content }: ShellReply): void {
    if (content.status !== "error") return;
    this.connection.heard();
    const error = new RequestError({
      message: `The kernel cannot take requests: ${content.ename}: ${content.evalue}.`,
      hint: "Reload the page, or run the cell again.",
    });
    const refused = id === this.#ping?.id ? this.#ping.asked : [id];
    if (id === this.#ping?.id) this.#ping = null;
    for (const one of refused) this.#end(one, error);
  }

  #cancel(id: string): void {
    if (!this.#pending.has(id)) return;
    this.#end(id, "cancelled");
    this.#post({ id, kind: "cancel" });
  }

  #end(id: string, outcome: Outcome | RequestError): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#asking.value = this.#pending.size > 0;
    pending?.settle(outcome);
  }

  /** A busy kernel will answer the last one in its time. */
  #sendPing(): void {
    if (this.#ping !== null && this.connection.state.peek() === "busy") return;
    this.#ping = { id: this.#newId(), asked: [...this.#pending.keys()] };
    this.#post({ id: this.#ping.id, kind: "ping" });
  }

  /** Asks again what the kernel neither works on nor has answered: it, or its answer, was lost on the way. */
  #askLostAgain(asked: string[], known: ReadonlySet<string>): void {
    for (const id of asked) {
      const pending = this.#pending.get(id);
      if (pending === undefined || known.has(id) || pending.turns !== null) continue;
      if (pending.repeated) {
        this.#end(id, new RequestError({ message: "The kernel's answer was lost.", hint: "" }));
      } else {
        pending.repeated = true;
        this.#post({ ...pending.question, id } as Request);
      }
    }
  }

  #receive(reply: Reply, buffers: DataView[] = []): void {
    this.connection.heard();
    if (reply?.id !== undefined && reply.id === this.#ping?.id) {
      const { asked } = this.#ping;
      this.#ping = null;
      if ("body" in reply) this.#askLostAgain(asked, new Set(reply.body?.waiting as string[]));
      return;
    }
    const followed = this.#followed.get(reply?.id);
    if (followed !== undefined && "chunk" in reply) {
      const whole = assemble(followed, reply, buffers);
      if (whole !== null) followed.onPart(partOf(whole, whole.bytes));
      return;
    }
    const pending = this.#pending.get(reply?.id);
    if (pending === undefined) return;
    const { id } = reply;
    const isWaiting = () => this.#pending.get(id) === pending;
    const fail = (error: unknown) => {
      const known = error instanceof RequestError;
      const said = known ? error : new RequestError({ message: unreadable(error), hint: "" });
      if (isWaiting()) this.#end(id, said);
    };
    try {
      if ("error" in reply) {
        inTurn(pending, null, () => fail(new RequestError(reply.error)), fail);
        return;
      }
      const whole = assemble(pending, reply, buffers);
      if (whole === null) return;
      const handOver = (bytes: Uint8Array) => {
        if (!isWaiting()) return;
        pending.onPart(partOf(whole, bytes));
        if (reply.done) this.#end(id, "done");
      };
      inTurn(pending, whole, handOver, fail);
    } catch (error) {
      fail(error);
    }
  }
}

function unreadable(error: unknown): string {
  return `The kernel's answer cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
}

/** All chunks of a part. */
interface Whole {
  reply: Chunk;
  bytes: Uint8Array;
}

function partOf({ reply }: Whole, bytes: Uint8Array): Part {
  return { body: reply.body ?? {}, arrays: splitArrays(bytes, reply.arrays ?? []) };
}

/** Hands over what came, at once unless it is packed or something packed came before it. */
function inTurn(
  to: Pending,
  whole: Whole | null,
  handOver: (bytes: Uint8Array) => void,
  fail: (error: unknown) => void,
): void {
  const bytes = whole?.bytes ?? new Uint8Array();
  const isPacked = whole?.reply.packed ?? false;
  if (!isPacked && to.turns === null) {
    handOver(bytes);
    return;
  }
  const unpack = async () =>
    handOver(isPacked ? new Uint8Array(await unpackedFrom(bytes, "deflate").arrayBuffer()) : bytes);
  const turns = (to.turns ?? Promise.resolve())
    .then(unpack)
    .catch(fail)
    .finally(() => {
      if (to.turns === turns) to.turns = null;
    });
  to.turns = turns;
}

/** The whole part once its last chunk is there, else null. Throws when a chunk is missing. */
function assemble(pending: Assembly, reply: Chunk, buffers: DataView[]): Whole | null {
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
  return { reply: part.reply, bytes: join(part.chunks) };
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
