/** What the second handle stands for: a checkpoint of the series that is shown, or another series. */
import { checkpointText, shortened } from "../state/text";
import type { ViewProps } from "../ui/view";

/** Where there are several, the choice between them. */
export function ComparedSeries({ view }: ViewProps) {
  const { store } = view;
  const { seriesList, series, comparison, alone } = store;
  if (seriesList.value.length < 2) return null;
  const chosen = comparison.elsewhere.value ? comparison.other.value?.series : undefined;
  return (
    <>
      <select
        class="ie-select"
        aria-label="Compared series"
        value={chosen ?? ""}
        onChange={({ currentTarget: { value } }) => store.compareSeries(value === "" ? null : Number(value))}
      >
        <option value="">{alone.value ? "nothing" : "this series"}</option>
        {seriesList.value.map((info, index) =>
          index === series.value ? null : (
            <option key={info.name} value={index} title={info.name}>
              {shortened(info.name)}
            </option>
          ),
        )}
      </select>{" "}
    </>
  );
}

/** At which checkpoint; of another series that is the one nearest to the handle. */
export function ComparedText({ view }: ViewProps) {
  const { comparison } = view.store;
  const other = comparison.other.value;
  if (other === null || (view.store.alone.value && !comparison.elsewhere.value)) return null;
  return <>{checkpointText(other.info, other.checkpoint)}</>;
}
