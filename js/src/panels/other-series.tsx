/** Which checkpoint of each other series is nearest to the one shown. */
import { checkpointText, shortened } from "../state/text";
import type { ViewProps } from "../ui/view";

export function OtherSeries({ view }: ViewProps) {
  const { seriesList, series, shownEach } = view.store;
  if (seriesList.value.length < 2) return null;
  return (
    <p class="ie-note ie-others">
      nearest in{" "}
      {seriesList.value.map((info, index) =>
        index === series.value ? null : (
          <span class="ie-other" key={info.name}>
            <bdi>{shortened(info.name)}</bdi>: {checkpointText(info, shownEach.value[index] ?? 0)}
          </span>
        ),
      )}
    </p>
  );
}
