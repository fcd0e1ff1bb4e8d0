/**
 * Keeps something at the top of what is seen of the widget where `position: sticky` cannot: VS Code shows all outputs
 * of a notebook in one frame, as high as all of them, and moves that frame as the notebook scrolls. In it nothing
 * scrolls and no event comes; but which part of an element is on the screen an IntersectionObserver knows through
 * frames of any origin. It tells of shares alone, so a column of strips stands along the widget: the share of the
 * first one that is seen changes with every movement.
 */

/** Height of a strip, in CSS pixels, and shares of it that are told of: two pixels apart. */
const STRIP = 24;
const SHARES = Array.from({ length: STRIP / 2 + 1 }, (_, step) => (2 * step) / STRIP);

export function isInVSCode(): boolean {
  return document.body.dataset.vscodeThemeKind !== undefined;
}

/** Moves `element`, which is in `root`, until the function given back is called. */
export function pin(element: HTMLElement, root: HTMLElement): () => void {
  const column = document.createElement("div");
  column.setAttribute("aria-hidden", "true");
  Object.assign(column.style, { position: "absolute", top: "0", left: "0", visibility: "hidden" });
  const seen = new Map<Element, number>();
  const place = () => {
    const above = Math.min(...seen.values());
    if (!Number.isFinite(above)) return; // nothing of it is on the screen
    const most = root.clientHeight - element.offsetTop - element.offsetHeight;
    const down = Math.max(0, Math.min(above - element.offsetTop, most));
    element.style.transform = down === 0 ? "" : `translateY(${down}px)`;
  };
  const strips = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, intersectionRect, boundingClientRect } of entries) {
        const hidden = intersectionRect.top - boundingClientRect.top;
        if (isIntersecting) seen.set(target, (target as HTMLElement).offsetTop + hidden);
        else seen.delete(target);
      }
      place();
    },
    { threshold: SHARES },
  );
  const height = new ResizeObserver(() => {
    const count = Math.ceil(root.clientHeight / STRIP);
    while (column.childElementCount > count) {
      const last = column.lastElementChild as Element;
      strips.unobserve(last);
      seen.delete(last);
      last.remove();
    }
    while (column.childElementCount < count) {
      const strip = column.appendChild(document.createElement("div"));
      const top = `${STRIP * (column.childElementCount - 1)}px`;
      Object.assign(strip.style, { position: "absolute", top, width: "1px", height: `${STRIP}px` });
      strips.observe(strip);
    }
  });
  root.style.position = "relative";
  root.append(column);
  height.observe(root);
  return () => {
    strips.disconnect();
    height.disconnect();
    column.remove();
    element.style.transform = "";
  };
}
