/** What circles, colours and widths of the wiring stand for, with numbers. */
import { rounded } from "../../state/text";
import { gradient } from "../../ui/color";
import { type Look, lineWidth, nodeScale } from "./drawing";
import { LEAST } from "./feeders";

export function WiringKey({ look, name }: { look: Look; name: string }) {
  const { effects, widest, theme } = look;
  return (
    <dl class="ie-wiring-key">
      <dt>Circle</dt>
      <dd>
        previous-token score 0 <Bar background={gradient(nodeScale(theme).lut)} /> 1
      </dd>
      <dt>Line, colour</dt>
      <dd>
        change of {name}'s induction without the head +{rounded(effects.max, 2)}{" "}
        <Bar background={gradient(effects.lut)} /> {rounded(effects.min, 2)}; blue: {name} needs it; grey:
        below {LEAST} or two standard errors
      </dd>
      <dt>Line, width</dt>
      <dd>
        K-composition <Line composition={0} widest={widest} /> 0 or less{" "}
        <Line composition={widest / 2} widest={widest} /> {rounded(widest / 2, 2)}{" "}
        <Line composition={widest} widest={widest} /> {rounded(widest, 2)}
      </dd>
    </dl>
  );
}

function Bar({ background }: { background: string }) {
  return <span class="ie-legend-bar ie-wiring-bar" style={{ background }} aria-hidden="true" />;
}

function Line({ composition, widest }: { composition: number; widest: number }) {
  const height = `${lineWidth(composition, widest)}px`;
  return <span class="ie-wiring-line" style={{ height }} aria-hidden="true" />;
}
