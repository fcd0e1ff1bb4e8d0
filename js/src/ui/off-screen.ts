/**
 * An explorer that is scrolled away costs the notebook nothing: the browser lays out and paints none of it until it
 * comes near. Not said of one on the screen, whose tips and menus would end at its edge.
 */

const OFF_SCREEN = "ie-off-screen";

export function restOffScreen(el: HTMLElement, abort: AbortSignal): void {
  const observer = new IntersectionObserver((entries) => {
    el.classList.toggle(OFF_SCREEN, entries.at(-1)?.isIntersecting === false);
  });
  observer.observe(el);
  abort.addEventListener("abort", () => observer.disconnect(), { once: true });
}
