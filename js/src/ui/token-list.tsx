/**
 * The prompt's tokens as a list of one tab stop: arrow keys, Home and End move within it, Enter or a click
 * chooses, pointing and focus point.
 */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { quoted } from "../state/text";
import { TokenText } from "./token-text";
import { useLeaving } from "./use-leaving";

interface Props {
  list: RefObject<HTMLDivElement | null>;
  tokens: string[];
  label: string;
  isSelected: (index: number) => boolean;
  /** Several can be. */
  several?: boolean;
  /** Can be pointed at, but not chosen. */
  isDisabled?: (index: number) => boolean;
  choose: (index: number) => void;
  /** What is pointed at, or null. */
  point: (index: number | null) => void;
  /** By Escape; null while there is nothing to leave. */
  leave?: (() => void) | null;
}

export function TokenList(props: Props) {
  const { list, tokens, label, isSelected, several, isDisabled, point, leave } = props;
  const moved = useSignal(0);
  const last = tokens.length - 1;
  // The prompt may be shorter than it was when the cursor was moved.
  const cursor = () => Math.min(moved.value, last);
  const choose = (index: number | null) => {
    if (index !== null && !isDisabled?.(index)) props.choose(index);
  };
  const unpoint = () => point(null);
  useLeaving(unpoint);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowRight: cursor() + 1,
      ArrowDown: cursor() + 1,
      ArrowLeft: cursor() - 1,
      ArrowUp: cursor() - 1,
      Home: 0,
      End: last,
    };
    const target = steps[event.key];
    if (target !== undefined) {
      moved.value = Math.max(0, Math.min(last, target));
      (list.current?.children[moved.value] as HTMLElement | undefined)?.focus();
    } else if (event.key === "Escape" && leave != null) {
      leave();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(cursor());
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div
      ref={list}
      class="ie-token-list"
      role="listbox"
      aria-label={label}
      aria-multiselectable={several}
      tabIndex={-1}
      onPointerOver={(event) => point(indexOf(event.target))}
      onPointerLeave={unpoint}
      onFocusIn={(event) => {
        const index = indexOf(event.target);
        if (index !== null) moved.value = index;
        point(index);
      }}
      onFocusOut={unpoint}
      onClick={(event) => choose(indexOf(event.target))}
      onKeyDown={onKeyDown}
    >
      {tokens.map((text, index) => (
        <div
          key={`${index}${text}`}
          role="option"
          class={`ie-token ${isSelected(index) ? "ie-token-locked" : ""}`}
          data-index={index}
          aria-label={`${index} ${quoted(text)}`}
          aria-selected={isSelected(index)}
          aria-disabled={isDisabled?.(index)}
          tabIndex={cursor() === index ? 0 : -1}
        >
          <TokenText text={text} limit={24} />
        </div>
      ))}
    </div>
  );
}

function indexOf(target: EventTarget | null): number | null {
  const option = target instanceof HTMLElement ? target.closest<HTMLElement>("[role=option]") : null;
  return option === null ? null : Number(option.dataset.index);
}
