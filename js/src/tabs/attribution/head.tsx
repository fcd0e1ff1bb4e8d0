/** What the head that was selected last looks at from the query, and which tokens it raises and lowers by what is there. */
import type { Head } from "../../contract.gen";
import { Save } from "../../export/save";
import { atHandles } from "../../export/tables";
import { headName } from "../../state/heads";
import type { Result, Values } from "../../state/results";
import { changeText, probabilityText, quoted, signed } from "../../state/text";
import { Failures, pendingText } from "../../ui/pending";
import { TokenText } from "../../ui/token-text";
import type { ViewProps } from "../../ui/view";
import { headTokensTable } from "./table";

const OV = "l_k[t] = v_k W_O · (W_U[:, t] − mean W_U), under the last norm";

interface Props extends ViewProps {
  head: Head;
  query: number;
  result: Result<"head_tokens">;
}

export function HeadTokens(props: Props) {
  const { view, head, query, result } = props;
  const { store } = view;
  const found = result.at(store.shown.value);
  const tokens = store.promptInfo.value?.tokens ?? [];
  const name = headName(head);
  const title = `What ${name} writes`;
  return (
    <figure class="ie-attribution" aria-label="What the head writes">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={title}
          about={{ prompt: true, says: [`${OV}, in logits; Elhage et al. 2021.`] }}
          draw={(paper) => <HeadTokens {...props} view={paper} />}
          table={() => headTokensTable(store, result)}
          shownTable={() => headTokensTable(store, result, atHandles(store))}
          of={[result]}
        />
        <span class="ie-heading" role="heading" aria-level={3}>
          {title}
        </span>
        <span class="ie-note">
          {" "}
          of the keys that it attends to most from position {query} <bdi>{quoted(tokens[query] ?? "")}</bdi>
        </span>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{OV}</span>: what it would add to the logit of t if it attended to k alone;
          the sum over keys, by attention, is its attribution · Elhage et al. 2021
        </p>
      </figcaption>
      <Failures view={view} of={[result]} />
      {found === null ? (
        <p class="ie-note">{pendingText(store, result)}</p>
      ) : (
        <table class="ie-numbers ie-head-tokens" aria-label="Keys, and what is written of them">
          <thead>
            <tr>
              <th scope="col">key</th>
              <th scope="col">attention</th>
              <th scope="col">score</th>
              <th scope="col">raises</th>
              <th scope="col">lowers</th>
            </tr>
          </thead>
          <tbody>
            {Array.from(found.keys, (key, nth) => (
              // By place: a frame of scrubbing changes texts, not rows.
              <tr key={nth}>
                <th scope="row">
                  {key} <TokenText text={tokens[key] ?? ""} limit={12} />
                </th>
                <td>{probabilityText(found.attention[nth] ?? Number.NaN)}</td>
                <td>{Number.isFinite(found.scores[nth]) ? changeText(found.scores[nth] ?? 0) : "–"}</td>
                <td>
                  <Written found={found} nth={nth} which="raised" />
                </td>
                <td>
                  <Written found={found} nth={nth} which="lowered" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="ie-note">The score is before the softmax, less its mean over the keys that are seen.</p>
    </figure>
  );
}

interface WrittenProps {
  found: Values<"head_tokens">;
  nth: number;
  which: "raised" | "lowered";
}

function Written({ found, nth, which }: WrittenProps) {
  const ranks = found[which].length / found.keys.length;
  return (
    <span class="ie-head-written">
      {Array.from({ length: ranks }, (_, rank) => {
        const cell = nth * ranks + rank;
        const id = found[which][cell] ?? 0;
        return (
          <span key={rank}>
            <TokenText text={found.tokens[String(id)] ?? `#${id}`} limit={10} />{" "}
            <span class="ie-note">{signed(found[`${which}_by`][cell] ?? Number.NaN, 1)}</span>
          </span>
        );
      })}
    </span>
  );
}
