/** A kernel object as JupyterLab's widget manager holds it. */
export class HostKernel {
  status = "idle";
  connectionStatus = "connected";
  isDisposed = false;
  readonly #slots: Record<string, Set<() => void>> = {};
  readonly disposed = this.#emitter("disposed");
  readonly statusChanged = this.#emitter("status");
  readonly connectionStatusChanged = this.#emitter("connection");

  #emitter(name: string) {
    const slots = new Set<() => void>();
    this.#slots[name] = slots;
    return {
      connect: (slot: () => void) => void slots.add(slot),
      disconnect: (slot: () => void) => void slots.delete(slot),
    };
  }

  get listeners(): number {
    return Object.values(this.#slots).reduce((sum, slots) => sum + slots.size, 0);
  }

  become(change: Partial<Pick<HostKernel, "status" | "connectionStatus" | "isDisposed">>): void {
    Object.assign(this, change);
    const told = { disposed: "isDisposed", status: "status", connection: "connectionStatus" };
    for (const [name, what] of Object.entries(told)) {
      if (what in change) for (const slot of this.#slots[name] ?? []) slot();
    }
  }
}
