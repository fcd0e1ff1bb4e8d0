/** A chart of Observable Plot, as a screen reader may have it: one picture, which whoever shows it names. */
import * as Plot from "@observablehq/plot";

/** Plot names the groups of its marks "line", "dot": those are no names of what they show. */
export function plotted(options: Plot.PlotOptions): ReturnType<typeof Plot.plot> {
  const plot = Plot.plot(options);
  for (const group of plot.querySelectorAll("g[aria-label]")) {
    group.setAttribute("data-mark", group.getAttribute("aria-label") ?? "");
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return plot;
}
