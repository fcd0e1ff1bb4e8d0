/** The tabs under the patterns: the measures of the whole model, and what is made of them. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useRoving } from "../ui/roving";
import type { View, ViewProps } from "../ui/view";
import { Ablation } from "./ablation";
import { AllSeries } from "./all-series";
import { Answer } from "./answer";
import { LossPca } from "./loss-pca";
import { MeasurePanel } from "./measure";
import { Passage } from "./passage";
import { Scatter } from "./scatter";
import { Wiring } from "./wiring";

interface Tab {
  name: string;
  title: string;
  panel: () => ComponentChildren;
}

/** Measures that are drawn in the tab of another, under it. */
const UNDER: Record<string, string> = { loss_slope: "loss_by_position" };

/** Every tab, in reading order. */
function tabsOf(view: View): Tab[] {
  const { measureInfos, seriesList } = view.store;
  return [
    ...measureInfos.value
      .filter(({ name }) => !Object.hasOwn(UNDER, name))
      .map((info) => ({
        name: info.name,
        title: info.title,
        panel: () =>
          measureInfos.value
            .filter(({ name }) => name === info.name || UNDER[name] === info.name)
            .map((each) => <MeasurePanel key={each.name} view={view} info={each} />),
      })),
    { name: "loss_pca", title: "Loss PCA", panel: () => <LossPca view={view} /> },
    ...(seriesList.value.length > 1
      ? [{ name: "all_series", title: "Every series", panel: () => <AllSeries view={view} /> }]
      : []),
    { name: "passage", title: "Passage", panel: () => <Passage view={view} /> },
    { name: "answer", title: "Answer", panel: () => <Answer view={view} /> },
    { name: "scatter", title: "Scatter", panel: () => <Scatter view={view} /> },
    { name: "ablation", title: "Ablation", panel: () => <Ablation view={view} /> },
    { name: "wiring", title: "Wiring", panel: () => <Wiring view={view} /> },
  ];
}

export function Measures({ view }: ViewProps) {
  const tabs = tabsOf(view);
  const { tab } = view.store.viewState.value;
  const open = tabs.find(({ name }) => name === tab) ?? tabs[0];
  if (open === undefined) return null;
  return (
    <section class="ie-section ie-measures">
      <Tabs tabs={tabs} open={open} choose={(name) => view.store.arrange({ tab: name })} />
      <div role="tabpanel" aria-label={open.title} key={open.name}>
        {open.panel()}
      </div>
    </section>
  );
}

interface TabsProps {
  tabs: Tab[];
  open: Tab;
  choose: (name: string) => void;
}

function Tabs({ tabs, open, choose }: TabsProps) {
  const root = useRef<HTMLDivElement>(null);
  const roving = useRoving(root, { role: "tab", count: tabs.length }, tabs.indexOf(open));
  const onKeyDown = (event: KeyboardEvent) => {
    const next = roving.move(event);
    if (next !== null) choose((tabs[next] ?? open).name);
  };
  return (
    <div ref={root} class="ie-tabs" role="tablist" aria-label="Measures" onKeyDown={onKeyDown}>
      {tabs.map((tab, index) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          class="ie-tab"
          aria-selected={tab === open}
          tabIndex={roving.tabIndex(index)}
          onClick={() => choose(tab.name)}
        >
          {tab.title}
        </button>
      ))}
    </div>
  );
}
