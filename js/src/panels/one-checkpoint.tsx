/** In the place of the slider where there is one checkpoint: which one, where that is known, and how to bring more. */
import { checkpointText } from "../state/text";
import type { ViewProps } from "../ui/view";
import { ComparedSeries, ComparedText } from "./compared-series";

export function OneCheckpoint({ view }: ViewProps) {
  const { info, seriesList } = view.store;
  if (info.value === null) return null;
  const text = checkpointText(info.value, 0);
  return (
    <div class="ie-one">
      {text !== "" && <span class="ie-now">{text}</span>}
      {seriesList.value.length > 1 && (
        <p class="ie-note ie-compared">
          compared with <ComparedSeries view={view} />
          <ComparedText view={view} />
        </p>
      )}
      <p class="ie-note">
        This is one checkpoint. To watch training:{" "}
        <code>
          InductionExplorer(
          <wbr />
          CheckpointSeries.from_folder(...))
        </code>
      </p>
    </div>
  );
}
