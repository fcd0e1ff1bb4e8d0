/** What a head attends to over all rows: how far before a query, and from and at which tokens. */
import { probabilityText } from "../../state/text";
import { TokenText } from "../../ui/token-text";
import { type Bin, distanceBins, type Page, tokensOf } from "./shown";

export function Distances({ page }: { page: Page }) {
  const bins = distanceBins(page);
  const most = Math.max(...bins.map(({ share }) => share), Number.MIN_VALUE);
  return (
    <table class="ie-numbers ie-distances" aria-label="Distance from query to key">
      <thead>
        <tr>
          <th scope="col">tokens back</th>
          <th scope="col">attention</th>
          <td aria-hidden="true" />
        </tr>
      </thead>
      <tbody>
        {bins.map((bin) => (
          <tr key={bin.from}>
            <th scope="row">{rangeText(bin)}</th>
            <td>{probabilityText(bin.share)}</td>
            <td class="ie-distance-bar" aria-hidden="true">
              <span style={{ width: `${(100 * bin.share) / most}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rangeText({ from, to }: Bin): string {
  return from === to ? String(from) : `${from}–${to}`;
}

const TITLES = { from: "looks from", at: "looks at" };

export function Tokens({ page, which }: { page: Page; which: "from" | "at" }) {
  return (
    <table class="ie-numbers" aria-label={`Tokens it ${TITLES[which]}`}>
      <thead>
        <tr>
          <th scope="col">{TITLES[which]}</th>
          <th scope="col">attention</th>
          <th scope="col" title="Its share of attention over its share of the text">
            × text
          </th>
        </tr>
      </thead>
      <tbody>
        {tokensOf(page, which).map(({ text, share, times }, rank) => (
          <tr key={rank}>
            <th scope="row">
              <TokenText text={text} limit={14} />
            </th>
            <td>{probabilityText(share)}</td>
            <td>{times.toFixed(1)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
