/** What the selected heads add to the logit over training, beside the logit itself. */
import { type Curve, type Drawn, plotAlong } from "../../chart/plot";
import { currentTraining } from "../../chart/series-curves";
import type { Head } from "../../contract.gen";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { slotColor } from "../../ui/color";
import type { View, ViewProps } from "../../ui/view";
import { OverTraining } from "../over-training";
import type { Attributed } from "./parts";
import { attributionTable } from "./table";

interface Props extends ViewProps {
  result: Result<"attribution">;
  says: string[];
}

export function AttributionOverTraining({ view, result, says }: Props) {
  const { store } = view;
  const elsewhere = targetsElsewhere(store, result)
    ? "; where another token is the likeliest, nothing is drawn: choose one to follow it"
    : "";
  return (
    <OverTraining
      view={view}
      result={result}
      title="Attribution over training"
      note={`of the selected heads, and the logit less its mean${elsewhere}`}
      about={{ prompt: true, says }}
      table={() => attributionTable(store, result)}
      plot={(view, width) => plot(view, result, width)}
    />
  );
}

/** Null while fewer than two checkpoints are known. */
function plot(view: View, result: Result<"attribution">, width: number): Drawn | null {
  const { store, theme, onPaper } = view;
  const info = store.info.value;
  if (info === null) return null;
  const found = ofOneTarget(store, result);
  if (found.filter((one) => one !== null).length < 2) return null;
  const x = currentTraining(store);
  const curve = (name: string, color: string, of: (one: Attributed) => number | undefined): Curve => {
    return { name, color, bold: true, x, y: found.map((one) => (one && of(one)) ?? Number.NaN) };
  };
  const ofHead = ([layer, head]: Head) => layer * info.heads + head;
  const curves = [
    curve("logit", "var(--ie-ink)", (one) => one.logit[0]),
    ...store.heads.value.map((head) => {
      const color = slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value);
      return curve(headName(head), color, (one) => one.heads[ofHead(head)]);
    }),
  ];
  const type = store.viewState.value.x_scale;
  const y = { nice: true, zero: true };
  return plotAlong(curves, { width, at: x, type, y, named: true, yName: onPaper ? "logits" : null });
}

/** Each checkpoint's, where it is of the token that it is of at the shown one. */
function ofOneTarget({ info, shown }: Store, result: Result<"attribution">): (Attributed | null)[] {
  const target = result.at(shown.value)?.target[0];
  return (info.value?.steps ?? []).map((_, checkpoint) => {
    const found = result.at(checkpoint);
    return target === undefined || found?.target[0] === target ? found : null;
  });
}

/** Whether some checkpoint that is known is of another token. */
function targetsElsewhere(store: Store, result: Result<"attribution">): boolean {
  const same = ofOneTarget(store, result);
  return same.some((one, checkpoint) => one === null && result.at(checkpoint) !== null);
}
