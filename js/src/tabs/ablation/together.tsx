/** The selected heads ablated together, in numbers and words, beside as many random heads. */
import { WAITING } from "../../kernel/connection";
import { compareDraws, drawsText, isClear, possibleSets } from "../../state/draws";
import { headName } from "../../state/heads";
import type { Result, Values } from "../../state/results";
import { changeText, fromOne, probabilityText, quoted, scoreText } from "../../state/text";
import { Progress, pendingText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";

/** What a rise and a fall of a measure are called: in-context learning is better the lower it is. */
const MEASURES = {
  loss: { title: "Loss", verbs: ["rises", "falls"] },
  in_context_learning: { title: "In-context learning", verbs: ["weakens", "strengthens"] },
  induction_loss: { title: "Loss on repeated tokens", verbs: ["rises", "falls"] },
} as const;
type Measure = keyof typeof MEASURES;
type Numbers = Values<"ablation">;

interface Props extends ViewProps {
  result: Result<"ablation">;
}

const NAMES = Object.keys(MEASURES) as Measure[];

export function Together({ view, result }: Props) {
  const { heads } = view.store;
  const names = heads.value.map(headName);
  return (
    <section class="ie-together">
      <div class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          {names.length === 0 ? "Selected heads" : names.join(" + ")}
        </span>
        <span class="ie-note"> ablated {names.length > 1 && "together "}at this checkpoint</span>
      </div>
      {names.length === 0 ? (
        <p class="ie-note">No head is selected. Click one in either grid; Shift or Ctrl adds more.</p>
      ) : (
        <Found view={view} result={result} />
      )}
    </section>
  );
}

function Found({ view, result }: Props) {
  const { store } = view;
  if (store.promptInfo.value?.error != null) {
    return <p class="ie-note">This needs a prompt that runs.</p>;
  }
  const found = result.at(store.shown.value);
  const coming = result.whole(store.shown.value) === null;
  if (found === null) return <p class="ie-note">{pendingText(store, result)}</p>;
  const count = found.control_loss.length;
  return (
    <>
      <table class="ie-numbers" aria-label="Ablation of the selected heads">
        <thead>
          <tr>
            <th scope="col">nats</th>
            <th scope="col">before</th>
            <th scope="col">change</th>
            <th scope="col">random heads</th>
          </tr>
        </thead>
        <tbody>
          {NAMES.map((name) => (
            <Row key={name} name={name} found={found} coming={coming} />
          ))}
        </tbody>
      </table>
      {NAMES.filter((name) => !coming || isWhole(found, name)).map((name) => (
        <p key={name}>
          {verdict(name, one(found, `${name}_change`), one(found, `${name}_error`), found[`control_${name}`])}
        </p>
      ))}
      <Repeats view={view} count={count} />
      <Answer view={view} found={found} />
      <p class="ie-note">
        ± one standard error over rows.
        {count > 0 &&
          ` Random heads: mean and range of ${count} draws of as many other heads, from the same layers where there are enough; sizes are compared whatever their sign.`}
        <Progress view={view} result={result} />
        {coming && ` · ${WAITING[store.connection.state.value]}`}
      </p>
    </>
  );
}

function one(found: Numbers, name: keyof Numbers): number {
  return found[name][0] ?? Number.NaN;
}

/** Whether all that its sentence compares is there: the numbers come one after the other. */
function isWhole(found: Numbers, name: Measure): boolean {
  return [one(found, `${name}_change`), ...found[`control_${name}`]].every(Number.isFinite);
}

function Row({ name, found, coming }: { name: Measure; found: Numbers; coming: boolean }) {
  const change = one(found, `${name}_change`);
  const compared = compareDraws(change, found[`control_${name}`]);
  const known = !coming || Number.isFinite(change);
  return (
    <tr>
      <th scope="row">{MEASURES[name].title}</th>
      <td>{known ? scoreText(one(found, name)) : "…"}</td>
      <td>
        {known ? (
          <>
            <strong>{changeText(change)}</strong> ± {scoreText(one(found, `${name}_error`))}
          </>
        ) : (
          "…"
        )}
      </td>
      <td>
        {coming && !isWhole(found, name) ? (
          "…"
        ) : compared === null ? (
          "–"
        ) : (
          <>
            {changeText(compared.mean)}{" "}
            <span class="ie-note">
              {changeText(compared.low)} to {changeText(compared.high)}
            </span>
          </>
        )}
      </td>
    </tr>
  );
}

/** How a change compares with its noise and with random heads, in a sentence. */
export function verdict(name: Measure, change: number, error: number, controls: Iterable<number>): string {
  const { title, verbs } = MEASURES[name];
  if (!Number.isFinite(change)) return `${title}: not measured, the text's rows are too short.`;
  const said = isClear(change, error)
    ? `${verbs[change > 0 ? 0 : 1]} by ${scoreText(Math.abs(change))}`
    : "does not clearly change";
  const compared = compareDraws(change, controls);
  const against = compared === null ? "too few other heads to compare with" : drawsText(compared);
  return `${title} ${said}: ${against}.`;
}

/** Said where there are fewer sets of other heads than draws: they are less evidence than they seem. */
function Repeats({ view, count }: ViewProps & { count: number }) {
  const { info, heads } = view.store;
  const sets = possibleSets(heads.value, info.value?.layers ?? 0, info.value?.heads ?? 0);
  if (sets === 0 || sets >= count) return null;
  return (
    <p>
      There {sets === 1 ? "is only 1 such set" : `are only ${sets} such sets`} of other heads: the {count}{" "}
      draws repeat them.
    </p>
  );
}

/** What becomes of the prompt's answer. */
function Answer({ view, found }: ViewProps & { found: Numbers }) {
  const [before, after] = [one(found, "rank_before"), one(found, "rank_after")];
  if (before < 0) return null;
  return (
    <p>
      The answer <bdi>{quoted(view.store.promptInfo.value?.answer ?? "")}</bdi>: probability{" "}
      {probabilityText(one(found, "answer_before"))} → {probabilityText(one(found, "answer_after"))}, rank{" "}
      {fromOne(before)} → {fromOne(after)}
    </p>
  );
}
