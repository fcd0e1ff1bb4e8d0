/** One token as text: spaces at its ends real, so that they copy as such, and dotted by CSS, direction kept to itself, long ones cut. */
import { truncated, visible } from "../state/text";

export function TokenText({ text, limit }: { text: string; limit: number }) {
  const shown = truncated(visible(text), limit);
  const [lead = ""] = /^ +/.exec(shown) ?? [];
  const [tail = ""] = lead.length === shown.length ? [] : (/ +$/.exec(shown) ?? []);
  return (
    <bdi class="ie-token-text" title={shown === visible(text) ? undefined : visible(text)}>
      {lead !== "" && <span class="ie-space">{lead}</span>}
      {shown.slice(lead.length, shown.length - tail.length)}
      {tail !== "" && <span class="ie-space">{tail}</span>}
    </bdi>
  );
}
