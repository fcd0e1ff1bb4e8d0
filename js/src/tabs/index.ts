/** Every tab, in reading order, a group after the other; before them stands one for each measure (measure/). */
import ablation from "./ablation";
import allSeries from "./all-series";
import answer from "./answer";
import attribution from "./attribution";
import headPage from "./head-page";
import lossPca from "./loss-pca";
import passage from "./passage";
import scatter from "./scatter";
import wiring from "./wiring";

export const TABS = [lossPca, allSeries, scatter, passage, answer, attribution, headPage, ablation, wiring];
