/** What heads do to the loss: each alone as a grid, the selected ones together, and through training. */
import type { Head } from "../../contract.gen";
import { Failures } from "../../ui/pending";
import { flag, oneOf, type PanelProps, tab } from "../tab";
import { AblationThroughTraining } from "./curve";
import { EachHead } from "./each";
import { Estimated, TOP } from "./estimated";
import { Together } from "./together";

const HOW = {
  zero: "The head adds nothing.",
  mean: "The head adds its mean over the text: all that goes is what depends on the input.",
  resample: "The head adds what it gave on another row of the text: likely outputs, but of the wrong input.",
};

const options = {
  /** What an ablated head gives instead of its output. */
  how: oneOf("zero", "mean", "resample"),
  /** Whether later patterns stay as they were. */
  frozen: flag(false),
  /** What estimates are changes of. */
  metric: oneOf("second_copy_loss", "answer_logit"),
  /** How many heads, those with the largest estimates, are ablated beside them. */
  top: oneOf("none", "five", "ten", "twenty", "all"),
};
type Props = PanelProps<
  typeof options,
  "ablation" | "ablation_grid" | "patching_estimate" | "patching_exact"
>;

export default tab({
  name: "ablation",
  title: "Ablation",
  group: "Causes",
  options,
  asks: ({ options: { how, frozen, metric, top }, heads, prompt }) => ({
    ...(heads.length > 0 &&
      prompt !== null && { ablation: { heads: [...heads].sort(byPlace), how, frozen } }),
    ablation_grid: { how },
    ...(prompt !== null && {
      patching_estimate: { how, metric },
      ...(top !== "none" && { patching_exact: { how, metric, top: TOP[top] } }),
    }),
  }),
  throughout: ["ablation"],
  Panel: Ablation,
});

/** What is ablated together does not depend on the order of selection. */
function byPlace(a: Head, b: Head): number {
  return a[0] - b[0] || a[1] - b[1];
}

function Ablation({ view, options, arrange, found }: Props) {
  return (
    <>
      <p class="ie-meaning">
        What heads do to the loss, seen by taking their output away. Effects do not add up: other heads may
        make up for one that is gone. And ablating most other heads raises in-context learning, so compare
        with random heads before reading a cause into a number.
      </p>
      <Choices options={options} arrange={arrange} />
      <Failures
        view={view}
        of={[found.ablation_grid, found.ablation, found.patching_estimate, found.patching_exact]}
      />
      <div class="ie-columns ie-columns-scores">
        <EachHead
          view={view}
          result={found.ablation_grid}
          how={HOW[options.value.how]}
          frozen={options.value.frozen}
        />
        <Together view={view} result={found.ablation} />
      </div>
      <Estimated
        view={view}
        estimate={found.patching_estimate}
        measured={found.patching_exact}
        options={options}
        arrange={arrange}
        how={HOW[options.value.how]}
      />
      {!view.store.alone.value && (
        <AblationThroughTraining view={view} result={found.ablation} how={HOW[options.value.how]} />
      )}
    </>
  );
}

function Choices({ options, arrange }: Pick<Props, "options" | "arrange">) {
  const { how, frozen } = options.value;
  return (
    <div class="ie-cause-choices">
      <div>
        <label>
          Replace by{" "}
          <select
            class="ie-select"
            aria-label="Replace by"
            value={how}
            onChange={(event) => arrange({ how: event.currentTarget.value as keyof typeof HOW })}
          >
            {Object.keys(HOW).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>{" "}
        <span class="ie-note">{HOW[how]}</span>
      </div>
      <div>
        <label>
          <input
            type="checkbox"
            checked={frozen}
            onChange={(event) => arrange({ frozen: event.currentTarget.checked })}
          />{" "}
          Keep patterns
        </label>{" "}
        <span class="ie-note">
          {frozen
            ? "Later heads attend as they did before (pattern-preserving ablation)."
            : "Now later heads may attend elsewhere once the head is gone."}
        </span>
      </div>
    </div>
  );
}
