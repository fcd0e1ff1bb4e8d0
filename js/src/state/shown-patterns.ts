/** Which attention is shown: as it is, or times the size of what it moves. */
import type { Head } from "../contract.gen";
import type { ViewState } from "../kernel/model";
import type { Ask, Result } from "./results";
import type { Store } from "./store";

export type AttentionOf = ViewState["attention_of"];

interface Words {
  /** In the choice. */
  choice: string;
  name: string;
  /** What is drawn, of a query q and a key k. */
  formula: string;
  /** What the status line says after a number. */
  after: string;
  /** The column of a table. */
  column: string;
}

const size = (of: string) => `A[q, k] · ${of} / max over k of ${of}`;

export const ATTENTION_OF: Record<AttentionOf, Words> = {
  attention: { choice: "attention", name: "attention", formula: "", after: "", column: "attention" },
  value: {
    choice: "× ‖value‖",
    name: "attention × ‖value‖",
    formula: size("‖v_k‖"),
    after: " (× ‖value‖)",
    column: "attention_by_value",
  },
  output: {
    choice: "× ‖output‖",
    name: "attention × ‖output‖",
    formula: size("‖v_k W_O‖"),
    after: " (× ‖output‖)",
    column: "attention_by_output",
  },
};

/** How the reader wants attention, in words. */
export function shownAs({ viewState }: Pick<Store, "viewState">): Words {
  return ATTENTION_OF[viewState.value.attention_of];
}

/** Whether it is more than attention, and so known only as it is drawn. */
export function isWeighed({ viewState }: Pick<Store, "viewState">): boolean {
  return viewState.value.attention_of !== "attention";
}

/** What a figure says of it. */
export function saysOf(store: Pick<Store, "viewState">): string[] {
  const { name, formula } = shownAs(store);
  return formula === "" ? [] : [`${name}: ${formula}; Kobayashi et al. 2020`];
}

/** What to ask for the pattern of a head as it is shown. */
export function askPattern({ viewState }: Pick<Store, "viewState">, head: Head): Ask {
  const by = viewState.value.attention_of;
  return by === "attention"
    ? { analysis: "patterns", parameters: { head } }
    : { analysis: "weighed", parameters: { head, by } };
}

/** The pattern of a head as it is shown, of the current series or of another one. */
export function patternOf(store: Store, head: Head, series?: number): Result<"patterns"> | Result<"weighed"> {
  const by = store.viewState.value.attention_of;
  return by === "attention"
    ? store.results.of("patterns", { head }, series)
    : store.results.of("weighed", { head, by }, series);
}
