/** A chart of Observable Plot, hidden from screen readers: its figure has a name, and a table of its numbers. */
import * as Plot from "@observablehq/plot";

/** Plot names the groups of its marks "line", "dot": those are no names of what they show. */
export function plotted(options: Plot.PlotOptions): ReturnType<typeof Plot.plot> {
  const plot = Plot.plot(options);
  plot.setAttribute("aria-hidden", "true"); // or else the numbers of its axes are read, one after the other
  for (const group of plot.querySelectorAll("g[aria-label]")) {
    group.setAttribute("data-mark", group.getAttribute("aria-label") ?? "");
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return plot;
}
