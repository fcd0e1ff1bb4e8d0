/** A token that was clicked: its loss here, the way to its loss over training, and the heads that attend to it. */
import { headName } from "../state/heads";
import { lossesAt } from "../state/passage";
import { quoted, scoreText } from "../state/text";
import { Failures } from "../ui/pending";
import { useAsks } from "../ui/use-asks";
import type { ViewProps } from "../ui/view";

const NAMED = 4;

export function LockedToken({ view }: ViewProps) {
  const { store } = view;
  const token = store.lock.value;
  useAsks(store, () => {
    const token = store.lock.value;
    return token === null ? [] : [{ analysis: "attended", parameters: { token } }];
  });
  const [info, text] = [store.info.value, store.promptInfo.value?.tokens[token ?? -1]];
  if (token === null || info === null || text === undefined) return null;
  const loss = token === 0 ? undefined : lossesAt(store, store.shown.value)?.[token - 1];
  const attended = store.results.of("attended", { token });
  const { attention = [] } = attended.at(store.shown.value) ?? {};
  const heads = Array.from(attention, (share, index) => ({
    share,
    head: [Math.floor(index / info.heads), index % info.heads] as [number, number],
  }))
    .filter(({ share }) => Number.isFinite(share))
    .sort((a, b) => b.share - a.share)
    .slice(0, NAMED);
  return (
    <>
      <p class="ie-note ie-locked-token">
        token {token} <bdi>{quoted(text)}</bdi>
        {loss !== undefined && (
          <>
            : loss {scoreText(loss)} nats ·{" "}
            <button
              type="button"
              class="ie-link"
              onClick={() => store.openTab("passage", { tokens: [token] })}
            >
              over training
            </button>
          </>
        )}
        {heads.length > 0 && " · attended to most, on average over later tokens, by "}
        {heads.map(({ head, share }, index) => (
          <span key={headName(head)}>
            {index > 0 && ", "}
            <button type="button" class="ie-link" onClick={() => store.selectHead(head, true)}>
              {headName(head)}
            </button>{" "}
            {share.toFixed(2)}
          </span>
        ))}
      </p>
      <Failures view={view} of={[attended]} />
    </>
  );
}
