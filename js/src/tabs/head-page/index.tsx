/** The page of the head that was selected last: what it attends to on text, beside the same at the second handle. */
import type { Head } from "../../contract.gen";
import { Save } from "../../export/save";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { checkpointText, probabilityText } from "../../state/text";
import { Failures, pendingText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";
import { indices, type PanelProps, tab } from "../tab";
import { Distances, Tokens } from "./over-all";
import { Sequences } from "./sequences";
import type { Page } from "./shown";
import { pageTable } from "./table";

const STRENGTH = "strength = max A[q, k], 1 ≤ k < q";
const SOURCE = "HeadVis, Luger, Kamath et al. 2026";

const options = {
  /** The row of text that is open; else the strongest of each page. */
  row: indices(),
};
type Props = PanelProps<typeof options, "head_page">;

export default tab({
  name: "head_page",
  title: "Head on text",
  group: "On text",
  options,
  resting: true,
  asks: ({ activeHead }) => (activeHead === null ? {} : { head_page: { head: activeHead } }),
  Panel: HeadOnText,
});

function HeadOnText(props: Props) {
  const { view, options, arrange, found } = props;
  const { store } = view;
  const head = store.activeHead.value;
  if (head === null) {
    return <p class="ie-note">No head is selected. Select one: what it attends to on text is shown here.</p>;
  }
  const name = headName(head);
  const handles = atRest(store);
  const pages = handles.flatMap((checkpoint) => found.head_page.at(checkpoint) ?? []);
  const [first] = pages;
  return (
    <figure class="ie-head-page" aria-label="Head on text">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={`${name} on text`}
          about={{ says: [`${STRENGTH}; ${SOURCE}.`] }}
          draw={(paper) => <HeadOnText {...props} view={paper} />}
          table={() => pageTable(store, found.head_page, handles)}
          of={[found.head_page]}
        />
        <p class="ie-meaning">
          What {name} attends to on text: sequences from five equally frequent intervals of strength, the
          strongest of the highest and a sample of each other.
          {first !== undefined && ` Read: ${first.rows[0]?.toLocaleString("en-US")} rows, ${first.origin}.`}
        </p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{STRENGTH}</span>: position 0 is left out, as query and as key, here and in
          all below · {SOURCE}
        </p>
      </figcaption>
      <Failures view={view} of={[found.head_page]} />
      {store.comparison.elsewhere.value && (
        <p class="ie-note ie-hint">
          The other series is not beside it: compare two checkpoints of one series for that.
        </p>
      )}
      <div class={handles.length > 1 ? "ie-head-pages" : ""}>
        {handles.map((checkpoint, place) => (
          <OnePage
            key={place}
            view={view}
            head={head}
            result={found.head_page}
            checkpoint={checkpoint}
            titled={handles.length > 1}
            open={options.value.row[0] ?? null}
            choose={(row) => arrange({ row: row === null ? [] : [row] })}
          />
        ))}
      </div>
    </figure>
  );
}

/** Where the handles of the slider rest, the first one's checkpoint first. */
function atRest({ settled, settledCompare, comparison }: Store): number[] {
  const other = comparison.elsewhere.value ? null : settledCompare.value;
  return [...new Set([settled.value, other ?? settled.value])];
}

interface OnePageProps extends ViewProps {
  head: Head;
  result: Result<"head_page">;
  checkpoint: number;
  /** There are two. */
  titled: boolean;
  open: number | null;
  choose: (row: number | null) => void;
}

function OnePage({ view, head, result, checkpoint, titled, open, choose }: OnePageProps) {
  const { store } = view;
  const info = store.info.value;
  const page: Page | null = result.at(checkpoint);
  const where = info === null ? "" : checkpointText(info, checkpoint);
  return (
    <section aria-label={titled ? where : headName(head)}>
      {titled && (
        <p class="ie-heading" role="heading" aria-level={3}>
          {where}
        </p>
      )}
      {page === null ? (
        <p class="ie-note">{pendingText(store, result)}</p>
      ) : (
        <>
          <Sequences view={view} page={page} open={open} choose={choose} />
          <div class="ie-head-over-all">
            <Distances page={page} />
            <Tokens page={page} which="from" />
            <Tokens page={page} which="at" />
          </div>
          <p class="ie-note">
            Position 0 gets {probabilityText(page.first[0] ?? Number.NaN)} of the attention of all later
            tokens, which is in none of these.
          </p>
        </>
      )}
    </section>
  );
}
