/**
 * How it stands with the kernel, in one word that every panel goes by.
 *
 * What is known comes from three sides: whatever the kernel sends is a sign of life; the host may say what its
 * kernel does (host.ts); and a kernel that was quiet for a while is asked for a sign of life.
 */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";

export type ConnectionState =
  /** Nothing is expected of it. */
  | "idle"
  /** Something is, and it was heard of lately. */
  | "computing"
  /** Something is; it runs a cell and says nothing meanwhile. */
  | "busy"
  /** Something is, and it says nothing, whether or not it runs a cell. */
  | "silent"
  /** Something is; the host has lost the way to it and is looking for it. */
  | "connecting"
  /** This widget's kernel is no more. */
  | "gone";

/** What a panel says in the place of what the kernel has not sent yet. */
export const WAITING: Record<ConnectionState, string> = {
  idle: "computing …",
  computing: "computing …",
  busy: "waiting: the kernel is busy",
  silent: "waiting: the kernel does not answer",
  connecting: "waiting for the connection to the kernel",
  gone: "needs the kernel",
};

/** What the host says of its kernel; "unknown" where it has no word for that. */
export type HostWord = "unknown" | "idle" | "busy" | "connecting";

/** Milliseconds since the last sign of life: when it is asked for one, when it is quiet, when it is silent. */
export const SINCE = { asked: 3000, quiet: 5000, silent: 10_000 };
/** Between two questions while it stays silent. */
const AGAIN_MS = 10_000;

export class Connection {
  /** False for ever once this widget's kernel is gone. */
  readonly connected: Signal<boolean> = signal(true);
  readonly host: Signal<HostWord> = signal("unknown");
  /** What the reader is told once it is gone; a host without cells has other words. */
  farewell = "Disconnected from the kernel — run the cell again.";
  readonly state: ReadonlySignal<ConnectionState>;
  /** How often the kernel came back: it was silent and spoke, or the host found the way to it again. */
  readonly returns = signal(0);
  readonly #heard = signal<"lately" | "quiet" | "silent">("lately");
  readonly #abort: AbortSignal;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #again: ReturnType<typeof setInterval> | undefined;
  #expecting = false;
  #ask = () => {};

  /** `expecting` is whether the kernel owes the page something. */
  constructor(expecting: ReadonlySignal<boolean>, abort: AbortSignal) {
    this.#abort = abort;
    this.state = computed(() => {
      if (!this.connected.value) return "gone";
      if (!expecting.value) return "idle";
      if (this.#heard.value === "lately") return "computing";
      if (this.host.value === "connecting") return "connecting";
      if (this.host.value === "busy") return "busy";
      return this.#heard.value === "silent" ? "silent" : "computing";
    });
    this.#untilAbort(() => {
      this.#expecting = this.connected.value && expecting.value;
      this.#listen();
    });
    abort.addEventListener("abort", () => this.#clear(), { once: true });
  }

  /** `ask` asks the kernel for a sign of life: when it was quiet, and once the way to it is found again. */
  whenQuiet(ask: () => void): void {
    this.#ask = ask;
    let before = this.host.peek();
    this.#untilAbort(() => {
      const now = this.host.value;
      if (before === "connecting" && now !== "connecting") {
        this.returns.value = this.returns.peek() + 1;
        if (this.#expecting) ask();
      }
      before = now;
    });
  }

  /** The kernel gave a sign of life. */
  heard(): void {
    if (this.#heard.peek() === "silent") this.returns.value = this.returns.peek() + 1;
    this.#listen();
  }

  lose(): void {
    this.connected.value = false;
  }

  #listen(): void {
    this.#clear();
    this.#heard.value = "lately";
    if (!this.#expecting) return;
    const after = (ms: number, then: () => void) => this.#timers.push(setTimeout(then, ms));
    after(SINCE.asked, () => this.#ask());
    after(SINCE.quiet, () => {
      this.#heard.value = "quiet";
    });
    after(SINCE.silent, () => {
      this.#heard.value = "silent";
      this.#again = setInterval(() => this.#ask(), AGAIN_MS);
    });
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    clearInterval(this.#again);
  }

  #untilAbort(run: () => void): void {
    this.#abort.addEventListener("abort", effect(run), { once: true });
  }
}
