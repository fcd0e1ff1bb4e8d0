/**
 * The prompt's tokens as a list of one tab stop: arrow keys, Home and End move within it, Enter or a click
 * chooses, pointing and focus point.
 */
import type { RefObject } from "preact";
import { quoted } from "../state/text";
import { useRoving } from "./roving";
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
  const roving = useRoving(list, { role: "option", count: tokens.length });
  const choose = (index: number | null) => {
    if (index !== null && !isDisabled?.(index)) props.choose(index);
  };
  const unpoint = () => point(null);
  useLeaving(unpoint);
  const onKeyDown = (event: KeyboardEvent) => {
    if (roving.move(event) !== null) return;
    if (event.key === "Escape" && leave != null) {
      leave();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(roving.cursor());
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
        roving.focused(event);
        point(indexOf(event.target));
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
          tabIndex={roving.tabIndex(index)}
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
