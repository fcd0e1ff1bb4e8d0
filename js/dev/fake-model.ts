/** A model as anywidget hands it over, without a kernel: traits in memory, listeners that can be counted. */
import type { ExplorerModel, Model, Reply, Request } from "../src/kernel/model";

type Listener = (...args: unknown[]) => void;

export class FakeModel {
  readonly sent: Request[] = [];
  /** What the host is to call about the request sent last. */
  callbacks: { shell: { reply: (reply: object) => void } } | undefined;
  readonly saved: Partial<ExplorerModel>[] = [];
  /** Answers requests; leave it out for a kernel that never speaks. */
  kernel: ((request: Request, model: FakeModel) => void) | undefined;
  /** As JupyterLab has it. */
  widget_manager: { kernel?: unknown } = {};
  #dirty: Partial<ExplorerModel> = {};
  readonly #traits: ExplorerModel;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(traits: ExplorerModel) {
    this.#traits = { ...traits };
  }

  /** This object as the type the widget expects. */
  get model(): Model {
    return this as unknown as Model;
  }

  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get<K extends keyof ExplorerModel>(key: K): ExplorerModel[K] {
    return this.#traits[key];
  }

  set<K extends keyof ExplorerModel>(key: K, value: ExplorerModel[K]): void {
    if (this.#traits[key] === value) return;
    this.#traits[key] = value;
    this.#dirty[key] = value;
    this.emit(`change:${key}`);
  }

  save_changes(): void {
    this.saved.push(this.#dirty);
    this.#dirty = {};
  }

  send(request: Request, callbacks?: { shell: { reply: (reply: object) => void } }): void {
    this.sent.push(request);
    this.callbacks = callbacks;
    this.kernel?.(request, this);
  }

  on(event: string, listener: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** The kernel sets traits. */
  receive(traits: Partial<ExplorerModel>): void {
    Object.assign(this.#traits, traits);
    for (const key of Object.keys(traits)) this.emit(`change:${key}`);
  }

  /** The kernel replies. */
  reply(reply: Reply, buffers: DataView[] = []): void {
    this.emit("msg:custom", reply, buffers);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args);
  }
}
