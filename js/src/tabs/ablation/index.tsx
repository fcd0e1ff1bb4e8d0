/** What heads do to the loss: each alone as a grid, the selected ones together, and through training. */

import { Failures } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";
import { AblationThroughTraining } from "./curve";
import { EachHead } from "./each";
import { Together } from "./together";

const HOW = {
  zero: "The head adds nothing.",
  mean: "The head adds its mean over the text: all that goes is what depends on the input.",
  resample: "The head adds what it gave on another row of the text: likely outputs, but of the wrong input.",
};

export function Ablation({ view }: ViewProps) {
  const { causes, shown } = view.store;
  return (
    <>
      <p class="ie-meaning">
        What heads do to the loss, seen by taking their output away. Effects do not add up: other heads may
        make up for one that is gone. And ablating most other heads raises in-context learning, so compare
        with random heads before reading a cause into a number.
      </p>
      <Choices view={view} />
      <Failures
        view={view}
        errors={[causes.grid().failure(shown.value), causes.ablation().failure(shown.value)]}
      />
      <div class="ie-columns ie-columns-scores">
        <EachHead view={view} />
        <Together view={view} />
      </div>
      <AblationThroughTraining view={view} />
    </>
  );
}

function Choices({ view }: ViewProps) {
  const { store } = view;
  const { ablation, frozen } = store.viewState.value;
  return (
    <div class="ie-cause-choices">
      <div>
        <label>
          Replace by{" "}
          <select
            class="ie-select"
            aria-label="Replace by"
            value={ablation}
            onChange={(event) => store.arrange({ ablation: event.currentTarget.value as keyof typeof HOW })}
          >
            {Object.keys(HOW).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>{" "}
        <span class="ie-note">{HOW[ablation]}</span>
      </div>
      <div>
        <label>
          <input
            type="checkbox"
            checked={frozen}
            onChange={(event) => store.arrange({ frozen: event.currentTarget.checked })}
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
