/** Which model this is; with several series, the choice between them. */
import { shortened } from "../state/text";
import type { ViewProps } from "../ui/view";
import { OtherSeries } from "./other-series";
import { Progress } from "./progress";

export function Header({ view }: ViewProps) {
  const { info, seriesList, series } = view.store;
  if (info.value === null) return null;
  const { name, layers, heads, context } = info.value;
  return (
    <header class="ie-header">
      {seriesList.value.length > 1 ? (
        <select
          class="ie-select ie-title"
          aria-label="Series"
          value={series.value}
          onChange={(event) => view.store.chooseSeries(Number(event.currentTarget.value))}
        >
          {seriesList.value.map((each, index) => (
            <option key={each.name} value={index} title={each.name}>
              {shortened(each.name)}
            </option>
          ))}
        </select>
      ) : (
        <span class="ie-title" role="heading" aria-level={2} aria-label={name} title={name}>
          {shortened(name)}
        </span>
      )}
      <span class="ie-shape">
        {count(layers, "layer")} × {count(heads, "head")} · n_ctx {context.toLocaleString("en-US")}
      </span>
      <OtherSeries view={view} />
      <Progress view={view} />
    </header>
  );
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
