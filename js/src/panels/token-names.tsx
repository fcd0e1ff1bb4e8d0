/** Names of the tokens beside a pattern; the enlarged one draws its own, which move. */
import { tokensShown, type Zoom } from "../chart/zoom";
import { TokenText } from "../ui/token-text";

interface Props {
  axis: "query" | "key";
  tokens: string[];
  zoom: Zoom;
  ratio: number;
  every: number;
  /** Of a longer name, as many letters are shown. */
  limit: number;
}

/** Along one side, each, or every nth where there is no room. */
export function TokenNames({ axis, tokens, zoom, ratio, every, limit }: Props) {
  const from = axis === "query" ? zoom.top : zoom.left;
  const [first, last] = tokensShown(from, zoom, tokens.length);
  const cell = zoom.whole / tokens.length;
  const named = tokens
    .slice(first, last + 1)
    .map((text, index) => ({ text, index: first + index, at: ((first + index + 0.5) * cell - from) / ratio }))
    .filter(({ index, at }) => index % every === 0 && at >= 0 && at * ratio <= zoom.side);
  return (
    <div class={`ie-names ie-names-${axis}`} aria-hidden="true" data-every={every}>
      {named.map(({ text, index, at }) => (
        <span key={index} class="ie-name" style={{ [axis === "query" ? "top" : "left"]: `${at}px` }}>
          <TokenText text={text} limit={limit} />
        </span>
      ))}
    </div>
  );
}
