/** What the model expects after the pointed token, or after the last one. */
import { Save } from "../export/save";
import { predictionTable, ranksOf } from "../export/tables";
import { WAITING } from "../kernel/connection";
import type { Values } from "../state/results";
import { decimals, probabilityText, quoted, sentence } from "../state/text";
import { TryAgain } from "../ui/notices";
import { TokenText } from "../ui/token-text";
import { useAsks } from "../ui/use-asks";
import type { ViewProps } from "../ui/view";

type Ranked = Values<"predictions">;

export function Predictions({ view }: ViewProps) {
  const { store, pointed } = view;
  const tokens = store.promptInfo.value?.tokens ?? [];
  useAsks(store, () => [{ analysis: "predictions", parameters: {} }]);
  if (tokens.length === 0) return <section class="ie-predictions" />;
  const position = Math.min(pointed.value?.query ?? tokens.length - 1, tokens.length - 1);
  const result = store.results.of("predictions", {});
  const [value, error] = [result.at(store.shown.value), result.failure(store.shown.value)];
  const last = position === tokens.length - 1;
  const answer = (last ? store.promptInfo.value?.answer : tokens[position + 1]) ?? "";
  const whole = last ? store.answer.value : answer;
  return (
    <section class="ie-predictions">
      <div class="ie-caption">
        <span class="ie-heading">Next token</span>
        <Save view={view} title="Next-token predictions" table={() => predictionTable(store, position)} />
      </div>
      {error !== null && (
        <p class="ie-alert" role="alert">
          {sentence(`${error.message} ${error.hint}`)} <TryAgain view={view} />
        </p>
      )}
      {value !== null && <AnswerLine ranked={value} position={position} answer={answer} whole={whole} />}
      <table class="ie-table" aria-label="Next-token predictions">
        <caption>
          after position {position} <bdi>{quoted(tokens[position] ?? "")}</bdi>
        </caption>
        <thead>
          <tr>
            <th scope="col">rank</th>
            <th scope="col">token</th>
            <th scope="col" class="ie-number">
              logit
            </th>
            <th scope="col" class="ie-number">
              prob.
            </th>
          </tr>
        </thead>
        <tbody>
          {error !== null ? null : value === null ? (
            <Waiting view={view} />
          ) : (
            <Rows ranked={value} position={position} />
          )}
        </tbody>
      </table>
    </section>
  );
}

interface AnswerProps {
  ranked: Ranked;
  position: number;
  /** The token that is ranked, and the answer it begins. */
  answer: string;
  whole: string;
}

function AnswerLine({ ranked, position, answer, whole }: AnswerProps) {
  const rank = ranked.answer_rank[position] ?? -1;
  if (rank < 0) return null;
  return (
    <p class="ie-answer">
      answer <bdi>{quoted(answer)}</bdi>
      {whole !== answer && (
        <>
          {" "}
          of <bdi>{quoted(whole)}</bdi>
        </>
      )}
      : rank {rank}, p {probabilityText(ranked.answer_probability[position] ?? 0)}
    </p>
  );
}

function Rows({ ranked, position }: { ranked: Ranked; position: number }) {
  const count = ranksOf(ranked);
  return (
    <>
      {Array.from({ length: count }, (_, rank) => {
        const cell = position * count + rank;
        const probability = ranked.probabilities[cell] ?? Number.NaN;
        return (
          <tr key={rank}>
            <td>{rank}</td>
            <td class="ie-row-token">
              <TokenText
                text={ranked.tokens[String(ranked.ids[cell])] ?? `#${ranked.ids[cell]}`}
                limit={12}
              />
            </td>
            <td class="ie-number">{decimals(ranked.logits[cell] ?? Number.NaN, 1)}</td>
            <td class="ie-number">{probabilityText(probability)}</td>
            <td class="ie-bar" style={{ backgroundSize: `max(1px, ${100 * (probability || 0)}%)` }} />
          </tr>
        );
      })}
    </>
  );
}

function Waiting({ view }: ViewProps) {
  const { connection, info, shown } = view.store;
  const faulty = info.value?.faults[shown.value] !== undefined;
  const text = faulty ? "no usable checkpoint" : WAITING[connection.state.value];
  return (
    <tr>
      <td class="ie-note">{text}</td>
    </tr>
  );
}
