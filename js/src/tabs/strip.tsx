/** The tabs under the patterns, and the open one's panel. */
import { useComputed } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type AnalysisKind, ARRAYS } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { answers, readsPrompts } from "../state/held";
import { type Ask, Result } from "../state/results";
import type { Store } from "../state/store";
import { NeedsModel } from "../ui/needs-model";
import { useRoving } from "../ui/roving";
import type { View, ViewProps } from "../ui/view";
import { TABS } from ".";
import { measureTabs } from "./measure";
import { type AnyTab, type Asks, chosenOf, GROUPS } from "./tab";

export function Tabs({ view }: ViewProps) {
  const { store } = view;
  // Made once: another Panel would take the place of what is drawn, and of a drag on it.
  const measures = useComputed(() => measureTabs(store.measureInfos.value));
  const name = useComputed(() => store.viewState.value.tab);
  const isThere = (tab: AnyTab) =>
    (store.overTraining.value || !tab.overTraining) && (tab.isThere?.(store) ?? true);
  const tabs = [...measures.value, ...TABS.filter(isThere)];
  const open = tabs.find((tab) => tab.name === name.value) ?? tabs[0];
  if (open === undefined) return null;
  return (
    <section class="ie-section ie-measures">
      <Strip view={view} tabs={tabs} open={open} choose={(name) => store.arrange({ tab: name })} />
      <div role="tabpanel" aria-label={open.title} key={open.name}>
        {needsModel(open, store.info.value) ? (
          <NeedsModel view={view} what="This needs" />
        ) : (
          <Panel view={view} tab={open} />
        )}
      </div>
    </section>
  );
}

function needsModel({ name, group }: AnyTab, info: SeriesInfo | null): boolean {
  if (name in ARRAYS) return !answers(info, name as AnalysisKind);
  return group === "On this prompt" && !readsPrompts(info);
}

interface StripProps extends ViewProps {
  tabs: AnyTab[];
  open: AnyTab;
  choose: (name: string) => void;
}

function Strip({ view, tabs, open, choose }: StripProps) {
  const root = useRef<HTMLDivElement>(null);
  const roving = useRoving(root, { role: "tab", count: tabs.length }, tabs.indexOf(open));
  const onKeyDown = (event: KeyboardEvent) => {
    const next = roving.move(event);
    if (next !== null) choose((tabs[next] ?? open).name);
  };
  return (
    <div ref={root} class="ie-tabs" role="tablist" aria-label="Measures" onKeyDown={onKeyDown}>
      {GROUPS.map((group) => (
        <div key={group} class="ie-tab-group" role="presentation">
          <span class="ie-tab-group-title" aria-hidden="true">
            {group === "Over training" && !view.store.overTraining.value ? "The model" : group}
          </span>
          {tabs.map(
            (tab, index) =>
              tab.group === group && (
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
              ),
          )}
        </div>
      ))}
    </div>
  );
}

function Panel({ view, tab }: { view: View; tab: AnyTab }) {
  const { store } = view;
  const options = useComputed(() => chosenOf(tab.options, store.viewState.value.tabs[tab.name]));
  const asked = useComputed<Asks<AnalysisKind>>(() => {
    const { info, promptInfo, heads, activeHead, lock } = store;
    if (info.value === null || tab.asks === undefined) return {};
    const runs = promptInfo.value?.error == null && promptInfo.value?.tokens.length;
    const prompt = runs ? promptInfo.value : null;
    return tab.asks({
      info: info.value,
      prompt,
      query: prompt && (lock.value ?? prompt.tokens.length - 1),
      heads: heads.value,
      activeHead: activeHead.value,
      options: options.value,
    });
  });
  const found = useMemo(() => {
    const of = (analysis: AnalysisKind) =>
      new Result(store.results, analysis, () => {
        const parameters = asked.value[analysis];
        return parameters === undefined ? null : { analysis, parameters, ...how(tab) };
      });
    const names = Object.keys(ARRAYS) as AnalysisKind[];
    return Object.fromEntries(names.map((name) => [name, of(name)])) as { [A in AnalysisKind]: Result<A> };
  }, [store, tab]);
  useEffect(() => {
    const asks = () => {
      const all = tab.everySeries ? seriesFirst(store) : [store.series.value];
      return Object.entries(asked.value).flatMap(([analysis, parameters]) =>
        all.flatMap((series) => {
          const ask = { analysis, parameters, series, ...how(tab) } as Ask;
          return tab.throughout?.includes(ask.analysis) ? [ask, { ...ask, throughout: true }] : [ask];
        }),
      );
    };
    return store.results.ask(asks);
  }, [store, tab]);
  const arrange = (change: Record<string, unknown>) => store.arrangeTab(tab.name, change);
  return <tab.Panel view={view} options={options} arrange={arrange} found={found} />;
}

function how({ resting }: AnyTab): { resting?: true } {
  return resting ? { resting } : {};
}

/** Every series, the current one first. */
function seriesFirst({ seriesList, series }: Store): number[] {
  const others = seriesList.value.map((_, index) => index).filter((index) => index !== series.value);
  return [series.value, ...others];
}
