/** Which curve changed first: every change with its interval, and how far it is from the model's own. */
import type { DatedChange } from "../kernel/model";
import { precise, rounded } from "../state/text";
import { More } from "../ui/more";
import type { ViewProps } from "../ui/view";

const WIDTH = 120;
const HEIGHT = 12;
const MIDDLE = HEIGHT / 2;

export function ChangeOrder({ view }: ViewProps) {
  const { store } = view;
  const order = store.phases.value[store.series.value]?.order ?? [];
  // The turn alone is no order: a path always turns somewhere.
  if (store.info.value === null || order.length < 2) return null;
  return (
    <More class="ie-order" summary="Which came first">
      {() => <Order order={order} unit={store.unitName.value} />}
    </More>
  );
}

function Order({ order, unit }: { order: DatedChange[]; unit: string }) {
  const speaking = order.find((one) => one.speaks);
  const place = placing(order);
  return (
    <>
      <table class="ie-numbers" aria-label="Order of the changes">
        <thead>
          <tr>
            <th scope="col">change</th>
            <td />
            <th scope="col">half done</th>
            <th scope="col">p</th>
            {speaking !== undefined && <th scope="col">after {speaking.curve}</th>}
          </tr>
        </thead>
        <tbody>
          {order.map((one) => (
            <tr key={one.curve}>
              <th scope="row">{one.curve}</th>
              <td>
                <Span one={one} place={place} />
              </td>
              <td>{precise(one.at)}</td>
              <td>{one.p === null ? "–" : chance(one.p)}</td>
              {speaking !== undefined && (
                <td>
                  <Lag lag={one.lag} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="ie-note">
        In {unit}, with 95 % intervals: never finer than the checkpoints around a change. Bold where the order
        is clear. Thick, from a tenth to nine tenths of a change. p, how often noise looks as abrupt, with the
        standard error of its simulation. The path of losses always turns somewhere.
      </p>
    </>
  );
}

/** A simulated p with its standard error; below 10⁻⁶ none is given. */
function chance([p, error]: [number, number]): string {
  if (p <= 1e-6) return "< 0.000001";
  return `${rounded(p, 2)} ± ${rounded(error, 1)}`;
}

function Lag({ lag }: { lag: DatedChange["lag"] }) {
  if (lag === null) return <>–</>;
  const [by, low, high] = lag;
  const text = `${signed(by)}`;
  return (
    <>
      {low > 0 || high < 0 ? <strong>{text}</strong> : text}{" "}
      <span class="ie-note">
        {signed(low)} to {signed(high)}
      </span>
    </>
  );
}

/** A change along training: thin its interval, thick the change itself. */
function Span({ one, place }: { one: DatedChange; place: (x: number) => number }) {
  const [low, high] = one.interval;
  return (
    <svg class="ie-span" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line class="ie-span-interval" x1={place(low)} x2={place(high)} y1={MIDDLE} y2={MIDDLE} />
      {one.span !== null && (
        <line
          class="ie-span-change"
          x1={place(one.span[0])}
          x2={place(one.span[1])}
          y1={MIDDLE}
          y2={MIDDLE}
        />
      )}
      <circle cx={place(one.at)} cy={MIDDLE} r="3" />
    </svg>
  );
}

/** Pixels of an x, with all changes in view. */
function placing(order: DatedChange[]): (x: number) => number {
  const ends = order.flatMap(({ interval, span }) => [...interval, ...(span ?? [])]);
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  const margin = 4;
  return (x) => margin + ((x - first) / (last - first || 1)) * (WIDTH - 2 * margin);
}

function signed(x: number): string {
  return x < 0 ? `−${precise(-x)}` : `+${precise(x)}`;
}
