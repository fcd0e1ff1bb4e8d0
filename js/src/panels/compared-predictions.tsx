/** Next-token predictions at both handles of the slider: a row a token, by what is likely at the first. */
import { WAITING } from "../kernel/connection";
import { type ComparedToken, comparedTokens, least, type Place, ranksOf } from "../state/compared-tokens";
import type { Other } from "../state/comparison";
import type { Result, Values } from "../state/results";
import type { Store } from "../state/store";
import { atMost, fromOne, probabilityText } from "../state/text";
import { TokenText } from "../ui/token-text";
import type { ViewProps } from "../ui/view";

type Ranked = Values<"predictions">;

/** As many rows as there are of one checkpoint, and so many for what is no longer among them. */
const FALLEN = 4;

export function ComparedTitles() {
  return (
    <>
      <th scope="col" class="ie-number">
        before
      </th>
      <th scope="col" class="ie-number">
        after
      </th>
    </>
  );
}

interface ComparedProps extends ViewProps {
  result: Result<"predictions">;
  /** What is compared with, which may not be there yet. */
  other: Other;
  after: Ranked;
  position: number;
}

export function ComparedRows({ view, result, other, after, position }: ComparedProps) {
  const there = result.in(other.series);
  const before = there.at(other.checkpoint);
  const tokens = comparedTokens(before, after, position).slice(0, ranksOf(after) + FALLEN);
  const absent = before === null ? absence(view.store, there, other) : "";
  return (
    <>
      {tokens.map((token) => (
        <Row key={token.id} token={token} before={before} after={after} position={position} />
      ))}
      {absent !== "" && (
        <tr>
          <td class="ie-note">before: {absent}</td>
        </tr>
      )}
    </>
  );
}

interface RowProps {
  token: ComparedToken;
  before: Ranked | null;
  after: Ranked;
  position: number;
}

function Row({ token, before, after, position }: RowProps) {
  const rank = (place: Place | null, all: Ranked) =>
    place === null ? `>${ranksOf(all)}` : fromOne(place.rank);
  const probability = (place: Place | null, all: Ranked) =>
    place === null ? atMost(least(all, position)) : probabilityText(place.probability);
  const [then, now] = [token.before?.probability ?? 0, token.after?.probability ?? 0];
  return (
    <tr class={token.after === null ? "ie-row-fallen" : ""}>
      <td>
        {before !== null && `${rank(token.before, before)} → `}
        {rank(token.after, after)}
      </td>
      <td class="ie-row-token">
        <TokenText text={token.token} limit={12} />
      </td>
      <td class="ie-number">{before === null ? "" : probability(token.before, before)}</td>
      <td class="ie-number">{probability(token.after, after)}</td>
      <td
        class="ie-bar ie-bar-compared"
        aria-hidden="true"
        style={{ "--ie-now": `max(1px, ${100 * now}%)`, "--ie-then": `${100 * then}%` }}
      >
        {token.before !== null && <i class="ie-bar-then" />}
      </td>
    </tr>
  );
}

/** Why there is nothing of the other checkpoint. */
function absence({ connection }: Store, there: Result<"predictions">, { info, checkpoint }: Other): string {
  if (info.faults[checkpoint] !== undefined) return "no usable checkpoint";
  return there.failure(checkpoint)?.message ?? WAITING[connection.state.value];
}
