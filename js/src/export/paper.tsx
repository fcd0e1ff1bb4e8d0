/**
 * A panel drawn once more, for a figure that is saved: in light colours, in fonts that stand the same everywhere, at
 * a width of its own, pointed at by nobody, and without what is there to be pressed. So a figure depends neither on
 * the window nor on the theme it was saved from.
 */
import { signal } from "@preact/signals";
import { type ComponentChildren, render } from "preact";
import { View } from "../ui/view";
import { type Figure, figureOf } from "./figure";

/** Of the page, and in no figure: there it takes no room. */
const LEFT_OUT = [
  ...[
    ".ie-save",
    ".ie-data",
    ".ie-hint",
    ".ie-button",
    ".ie-enlarge",
    ".ie-more",
    ".ie-compared-as",
    ".ie-hidden",
    "input",
  ],
  ...[".ie-window-end", ".ie-cross", ".ie-tip"],
].join(", ");
/** Drawn until it was the same so many times, and no longer than so many: a size that is measured draws anew. */
const [STILL, MOST] = [3, 40];

interface Sheet {
  title: string;
  /** Under the figure, a line each. */
  caption: string[];
  draw: (paper: View) => ComponentChildren;
}

export async function drawnOnPaper(screen: Element, view: View, sheet: Sheet): Promise<Figure> {
  const page = screen.appendChild(document.createElement("div"));
  try {
    page.className = "ie-paper";
    page.inert = true;
    page.ariaHidden = "true";
    render(<Paper sheet={sheet} view={paperOf(view)} />, page);
    await untilStill(page);
    return figureOf(page);
  } finally {
    render(null, page);
    page.remove();
  }
}

/** What is held or pointed at stays so: the figure shows the same tokens. */
function paperOf(view: View): View {
  const paper = new View(view.store, signal("light"), true);
  paper.hover.value = view.pointed.peek();
  return paper;
}

function Paper({ view, sheet: { title, caption, draw } }: { view: View; sheet: Sheet }) {
  return (
    <>
      <style>{`.ie .ie-paper :is(${LEFT_OUT}) { display: none !important }`}</style>
      <p class="ie-paper-title ie-heading">{title}</p>
      {draw(view)}
      {caption.map((line) => (
        <p key={line} class="ie-note ie-paper-caption">
          {line}
        </p>
      ))}
    </>
  );
}

async function untilStill(page: Element): Promise<void> {
  let [before, still] = ["", 0];
  for (let times = 0; times < MOST && still < STILL; times++) {
    await turn();
    await turn();
    const now = page.innerHTML;
    still = now === before ? still + 1 : 0;
    before = now;
  }
}

/** A frame, and what was left for after it: there, effects begin. */
function turn(): Promise<unknown> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
