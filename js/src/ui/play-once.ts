/**
 * Plays through training once, unasked, where the notebook wants that: as soon as it is on the screen with all that
 * the slider moves, until the reader touches anything, and never for those who prefer less motion.
 */
import { effect, signal } from "@preact/signals";
import type { Store } from "../state/store";

export function playOnce(store: Store, el: HTMLElement, abort: AbortSignal): void {
  if (!store.plays.peek() || !store.connected.peek()) return;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    store.playsNoMore();
    return;
  }
  const over = new AbortController();
  abort.addEventListener("abort", () => over.abort(), { once: true });
  const { signal: until } = over;

  const touched = ({ target }: Event) => {
    over.abort();
    store.playsNoMore();
    // Of Play and Pause, which stop by themselves.
    if (!(target instanceof Element && target.closest(".ie-play"))) store.player.playing.value = false;
  };
  for (const touch of ["pointerdown", "keydown"]) {
    el.addEventListener(touch, touched, { capture: true, signal: until });
  }

  const isSeen = signal(false);
  const observer = new IntersectionObserver(
    (entries) => {
      isSeen.value = entries.at(-1)?.isIntersecting ?? false;
    },
    { threshold: 0.1 },
  );
  observer.observe(el);
  const stop = effect(() => {
    if (!store.plays.value || !isSeen.value || !isKnown(store)) return;
    store.playsNoMore();
    store.moveTo(store.range.peek()[0]);
    store.player.playing.value = true;
  });
  until.addEventListener("abort", () => {
    stop();
    observer.disconnect();
  });
}

/** Whether no checkpoint would be a gap: in scores, or in what the selected heads and the model make of the prompt. */
function isKnown({ info, gridValues, heads, results }: Store): boolean {
  const [values, shape] = [gridValues.value, info.value];
  if (values === null || shape === null || heads.value.length === 0) return false;
  const size = shape.layers * shape.heads;
  const scored = shape.steps.every(
    (_, at) =>
      shape.faults[at] !== undefined || values.subarray(at * size, (at + 1) * size).some(Number.isFinite),
  );
  const asked = [
    ...heads.value.map((head) => results.of("patterns", { head })),
    results.of("predictions", {}),
  ];
  return scored && asked.every(({ known, wanted }) => wanted > 1 && known === wanted);
}
