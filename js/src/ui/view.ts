/** What belongs to one view alone: its theme and what the reader points at. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Head } from "../contract.gen";
import type { Store } from "../state/store";
import type { Theme } from "./color";

/** A query token, or one cell of a head's pattern. */
export interface Pointed {
  query: number;
  key: number | null;
  head: Head | null;
}

export class View {
  readonly store: Store;
  readonly theme: ReadonlySignal<Theme>;
  readonly hover = signal<Pointed | null>(null);
  /** Head under the pointer, in the grid or among the curves. */
  readonly hoverHead = signal<Head | null>(null);
  /** Hover wins over lock; to begin with, the last token is held. */
  readonly pointed = computed<Pointed | null>(() => {
    if (this.hover.value !== null) return this.hover.value;
    const { lock, holdsLast, promptInfo } = this.store;
    const tokens = promptInfo.value?.tokens.length ?? 0;
    const query = lock.value ?? (holdsLast.value && tokens > 0 ? tokens - 1 : null);
    return query === null ? null : { query, key: null, head: null };
  });
  /** The head whose attention the token strip shows. */
  readonly readHead = computed<Head | null>(() => this.pointed.value?.head ?? this.store.activeHead.value);

  /** Whether it is drawn for a file. */
  readonly onPaper: boolean;

  constructor(store: Store, theme: ReadonlySignal<Theme>, onPaper = false) {
    this.store = store;
    this.theme = theme;
    this.onPaper = onPaper;
  }
}

export interface ViewProps {
  view: View;
}
