/** The strongest feeders in numbers, and the way to select them by keyboard. */
import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import type { Head } from "../../contract.gen";
import { headName } from "../../state/heads";
import { changeText, scoreText } from "../../state/text";
import { useLeaving } from "../../ui/use-leaving";
import type { ViewProps } from "../../ui/view";
import { DRAWN, type Fed } from "./feeders";

interface Props extends ViewProps {
  fed: ReadonlySignal<Fed | null>;
  choose: (feeder: Head) => void;
}

export function WiringTable({ view, fed, choose }: Props) {
  const strongest = fed.value?.feeders.slice(0, DRAWN) ?? [];
  const pointed = useSignal<number | null>(null);
  // While the slider moves, another head comes to stand under the pointer.
  useSignalEffect(() => {
    if (pointed.value !== null) view.hoverHead.value = fed.value?.feeders[pointed.value]?.head ?? null;
  });
  const leave = () => {
    pointed.value = null;
    view.hoverHead.value = null;
  };
  useLeaving(leave);
  return (
    <table class="ie-numbers" aria-label="Heads that feed it">
      <thead>
        <tr>
          <th scope="col">head</th>
          <th scope="col">effect</th>
          <th scope="col">K-comp.</th>
          <th scope="col">prev. token</th>
        </tr>
      </thead>
      <tbody>
        {strongest.map(({ head, effect, error, composition, previousToken }, rank) => (
          // By rank: a frame of scrubbing changes texts, not rows.
          <tr
            key={rank}
            onPointerEnter={() => {
              pointed.value = rank;
            }}
            onPointerLeave={leave}
          >
            <th scope="row">
              <button type="button" class="ie-link" onClick={() => choose(head)}>
                {headName(head)}
              </button>
            </th>
            <td>
              <strong>{changeText(effect)}</strong> ± {scoreText(error)}
            </td>
            <td>{Number.isFinite(composition) ? changeText(composition) : "–"}</td>
            <td>{scoreText(previousToken)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
