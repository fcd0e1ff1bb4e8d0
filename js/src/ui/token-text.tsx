/** One token as text: spaces at its ends real, so that they copy as such, and dotted by CSS, direction kept to itself, long ones cut. */
import { truncated, visible } from "../state/text";

export function TokenText({ text, limit }: { text: string; limit: number }) {
  const shown = truncated(visible(text), limit);
  const [lead = ""] = /^ +/.exec(shown) ?? [];
  const [tail = ""] = lead.length === shown.length ? [] : (/ +$/.exec(shown) ?? []);
  if (lead !== "" && lead.length === shown.length) return <Spaces text={lead} />;
  return (
    <bdi class="ie-token-text" title={shown === visible(text) ? undefined : visible(text)}>
      {lead !== "" && <span class="ie-space">{lead}</span>}
      {shown.slice(lead.length, shown.length - tail.length)}
      {tail !== "" && <span class="ie-space">{tail}</span>}
    </bdi>
  );
}

/** Spaces alone, which a screen reader passes over: it is told how many. */
function Spaces({ text }: { text: string }) {
  const count = text.length === 1 ? "1 space" : `${text.length} spaces`;
  return (
    <bdi class="ie-token-text" role="img" aria-label={count}>
      <span class="ie-space">{text}</span>
    </bdi>
  );
}
