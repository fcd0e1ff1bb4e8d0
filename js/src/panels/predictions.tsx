/** What the model expects after the pointed token, or after the last one. */
import { Save } from "../export/save";
import { predictionTable } from "../export/tables";
import { WAITING } from "../kernel/connection";
import { ranksOf } from "../state/compared-tokens";
import type { Values } from "../state/results";
import { decimals, fromOne, probabilityText, quoted, sentence, shortened } from "../state/text";
import { TryAgain } from "../ui/notices";
import { TokenText } from "../ui/token-text";
import { useAsks } from "../ui/use-asks";
import type { ViewProps } from "../ui/view";
import { ComparedRows, ComparedTitles } from "./compared-predictions";

type Ranked = Values<"predictions">;

export function Predictions({ view }: ViewProps) {
  const { store, pointed } = view;
  const tokens = store.promptInfo.value?.tokens ?? [];
  const { comparison } = store;
  useAsks(store, () => [{ analysis: "predictions", parameters: {} }]);
  useAsks(store, () => {
    const { other, elsewhere, sameTokens } = comparison;
    if (other.value === null || !elsewhere.value || !sameTokens.value) return [];
    return [
      { analysis: "predictions", parameters: {}, series: other.value.series, at: other.value.checkpoint },
    ];
  });
  if (tokens.length === 0) return <section class="ie-predictions" />;
  const position = Math.min(pointed.value?.query ?? tokens.length - 1, tokens.length - 1);
  const result = store.results.of("predictions", {});
  const [value, error] = [result.at(store.shown.value), result.failure(store.shown.value)];
  const unlike = comparison.other.value !== null && !comparison.sameTokens.value;
  const other = unlike ? null : comparison.other.value;
  const before = other === null ? null : result.in(other.series).at(other.checkpoint);
  const labels = store.info.value?.labels ?? [];
  const last = position === tokens.length - 1;
  const answer = (last ? store.promptInfo.value?.answer : tokens[position + 1]) ?? "";
  const whole = last ? store.answer.value : answer;
  return (
    <section class="ie-predictions">
      <div class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          Next token
        </span>
        <Save
          view={view}
          title="Next-token predictions"
          about={{ prompt: true }}
          draw={(paper) => <Predictions view={paper} />}
          table={() => predictionTable(store, position)}
          isRead
          of={[result]}
        />
      </div>
      {error !== null && (
        <p class="ie-alert" role="alert">
          {sentence(`${error.message} ${error.hint}`)} <TryAgain view={view} error={error} />
        </p>
      )}
      {unlike && (
        <p class="ie-note">
          <bdi>{shortened(comparison.other.value?.info.name ?? "")}</bdi> reads this prompt as other tokens,
          or not at all: what it predicts is not set beside this.
        </p>
      )}
      {value !== null && (
        <AnswerLine before={before} ranked={value} position={position} answer={answer} whole={whole} />
      )}
      <table
        class={`ie-table ${other === null ? "" : "ie-table-compared"}`}
        aria-label="Next-token predictions"
      >
        <caption>
          after position {position} <bdi>{quoted(tokens[position] ?? "")}</bdi>
          {other !== null && ` · ${comparison.label.value} → ${labels[store.shown.value]}`}
        </caption>
        <thead>
          <tr>
            <th scope="col">rank</th>
            <th scope="col">token</th>
            {other === null ? <Titles /> : <ComparedTitles />}
          </tr>
        </thead>
        <tbody>
          {error !== null ? null : value === null ? (
            <Waiting view={view} />
          ) : other !== null ? (
            <ComparedRows view={view} result={result} other={other} after={value} position={position} />
          ) : (
            <Rows ranked={value} position={position} />
          )}
        </tbody>
      </table>
    </section>
  );
}

function Titles() {
  return (
    <>
      <th scope="col" class="ie-number">
        logit
      </th>
      <th scope="col" class="ie-number">
        prob.
      </th>
    </>
  );
}

interface AnswerProps {
  /** At the other checkpoint, where one is compared with. */
  before: Ranked | null;
  ranked: Ranked;
  position: number;
  /** The token that is ranked, and the answer it begins. */
  answer: string;
  whole: string;
}

function AnswerLine({ before, ranked, position, answer, whole }: AnswerProps) {
  const rankIn = (one: Ranked) => fromOne(one.answer_rank[position] ?? -1);
  const probabilityIn = (one: Ranked) => probabilityText(one.answer_probability[position] ?? 0);
  if (rankIn(ranked) < 1) return null;
  const change = (text: (one: Ranked) => string | number) =>
    before === null ? text(ranked) : `${text(before)} → ${text(ranked)}`;
  return (
    <p class="ie-answer">
      answer <bdi>{quoted(answer)}</bdi>
      {whole !== answer && (
        <>
          {" "}
          of <bdi>{quoted(whole)}</bdi>
        </>
      )}
      : rank {change(rankIn)}, p {change(probabilityIn)}
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
            <td>{fromOne(rank)}</td>
            <td class="ie-row-token">
              <TokenText
                text={ranked.tokens[String(ranked.ids[cell])] ?? `#${ranked.ids[cell]}`}
                limit={12}
              />
            </td>
            <td class="ie-number">{decimals(ranked.logits[cell] ?? Number.NaN, 1)}</td>
            <td class="ie-number">{probabilityText(probability)}</td>
            <td
              class="ie-bar"
              aria-hidden="true"
              style={{ backgroundSize: `max(1px, ${100 * (probability || 0)}%)` }}
            />
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
