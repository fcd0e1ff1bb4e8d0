/** The model of an explorer on a page without a notebook: anywidget's, over whatever carries messages. */

type Traits = Record<string, unknown>;
type Listener = (...args: unknown[]) => void;

/** ipywidgets' messages of a widget. */
export type Message =
  | { method: "update" | "echo_update"; state: Traits; buffer_paths: (string | number)[][] }
  | { method: "custom"; content: unknown };

export class PageModel {
  /** Of the host: what the widget says once the process is gone. */
  readonly widget_manager = { farewell: "The command that serves this page has ended — run it again." };
  readonly #send: (message: Message, mark: string) => void;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #traits: Traits = {};
  #dirty: Traits = {};
  /** By trait the mark of the message that told it last: what comes of earlier ones is old. */
  readonly #told = new Map<string, string>();
  /** Tells pages apart; `crypto.randomUUID` is not there where an address is plain http. */
  readonly #page = Math.random().toString(36).slice(2);
  #count = 0;

  constructor(send: (message: Message, mark: string) => void) {
    this.#send = send;
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    if (this.#traits[name] === value) return;
    this.#traits[name] = value;
    this.#dirty[name] = value;
    this.#emit(`change:${name}`, value);
  }

  save_changes(): void {
    const state = this.#dirty;
    if (Object.keys(state).length === 0) return;
    this.#dirty = {};
    const mark = this.#mark();
    for (const name of Object.keys(state)) this.#told.set(name, mark);
    this.#send({ method: "update", state, buffer_paths: [] }, mark);
  }

  send(content: unknown): void {
    this.#send({ method: "custom", content }, this.#mark());
  }

  on(event: string, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  off(event: string, listener?: Listener): void {
    if (listener === undefined) this.#listeners.delete(event);
    else this.#listeners.get(event)?.delete(listener);
  }

  /** The process says something; `mark` is that of the message of a page that it comes of. */
  receive(message: Message, buffers: DataView[], mark: unknown): void {
    if (message.method === "custom") {
      this.#emit("msg:custom", message.content, buffers);
      return;
    }
    const { state, buffer_paths } = message;
    for (const [index, path] of buffer_paths.entries()) put(state, path, buffers[index]);
    if (message.method === "echo_update") this.#dropOld(state, mark);
    Object.assign(this.#traits, state);
    for (const [name, value] of Object.entries(state)) this.#emit(`change:${name}`, value);
  }

  /** The process no longer hears the page. */
  lose(): void {
    this.#emit("comm:close");
  }

  /**
   * Of what a page told, and hears again: where this page has told something else since, or is about to, that is
   * the later word; and what is as it was is no news.
   */
  #dropOld(state: Traits, mark: unknown): void {
    for (const name of Object.keys(state)) {
      const awaited = this.#told.get(name);
      if (awaited === mark) this.#told.delete(name);
      const isOld = (awaited !== undefined && awaited !== mark) || name in this.#dirty;
      if (isOld || JSON.stringify(state[name]) === JSON.stringify(this.#traits[name])) delete state[name];
    }
  }

  #mark(): string {
    this.#count += 1;
    return `${this.#page}/${this.#count}`;
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...args);
  }
}

/** Puts a buffer where it was taken from. */
function put(state: Traits, path: (string | number)[], buffer: unknown): void {
  let place = state as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>;
  place[path[path.length - 1] as string | number] = buffer;
}
