/** Classes of heads in the grid: which are marked or alone lit, what the letters mean, and how many heads have each. */
import type { Marks } from "../chart/grid-drawing";
import { CLASS_THRESHOLD, HEAD_CLASSES } from "../contract.gen";
import { classText, type Named, namedIn, titleOf } from "../state/classes";
import { headName } from "../state/heads";
import type { Store } from "../state/store";
import type { View, ViewProps } from "../ui/view";

/** What is painted into the cells of the shown checkpoint; null where nothing is. */
export function marksOf({ classes, viewState }: Store): Marks | null {
  const [heads, choice] = [classes.shown.value, viewState.value.head_classes];
  if (heads.length === 0 || choice === "plain") return null;
  const isLit = (head: Named | null) => choice === "marked" || head?.first?.name === choice;
  return {
    letters: heads.map((head) => (isLit(head) ? (head?.first?.letter ?? "") : "")),
    dimmed: heads.map((head) => !isLit(head)),
  };
}

export function ClassMarks({ view, tooSmall }: ViewProps & { tooSmall: boolean }) {
  const { classes, viewState } = view.store;
  const counts = classes.counts.value;
  if (counts === null) return null;
  const choice = viewState.value.head_classes;
  const known = HEAD_CLASSES.map((one, index) => ({ ...one, count: counts[index] ?? 0 }));
  return (
    <div class="ie-classes">
      <select
        class="ie-select"
        aria-label="Head classes"
        value={choice}
        onChange={({ currentTarget }) =>
          view.store.arrange({ head_classes: currentTarget.value as typeof choice })
        }
      >
        <option value="marked">classes marked</option>
        <option value="plain">no marks</option>
        {known.map(({ name, title, count }) => (
          <option key={name} value={name}>
            only {title.toLowerCase()} ({count})
          </option>
        ))}
      </select>
      {choice !== "plain" && (
        <p class="ie-note">
          {known
            .filter(({ count }) => count > 0)
            .map((one) => (
              <span key={one.name} class="ie-class">
                <b>{one.letter}</b> {titleOf(one)} {one.count}
              </span>
            ))}
          <span class="ie-class">
            {counts.at(-1)} unnamed, below {CLASS_THRESHOLD}
          </span>
          {tooSmall && <span class="ie-class">cells are too small for the letters</span>}
        </p>
      )}
      {choice !== "plain" && <OfHead view={view} />}
    </div>
  );
}

/** The class of the head that is pointed at or else read. */
function OfHead({ view }: { view: View }) {
  const { classes, activeHead, info } = view.store;
  const head = view.hoverHead.value ?? activeHead.value;
  const one = head === null || info.value === null ? null : namedIn(classes.shown.value, info.value, head);
  if (head === null || one === null) return null;
  return (
    <p class="ie-note ie-class-of">
      {headName(head)}: {classText(one)}
    </p>
  );
}
