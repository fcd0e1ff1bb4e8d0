/** What is there for whoever wants to know more; drawn only while it is open. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface Props {
  class: string;
  summary: string;
  children: () => ComponentChildren;
}

export function More({ class: name, summary, children }: Props) {
  const open = useSignal(false);
  return (
    <details
      class={`ie-more ${name}`}
      open={open.value}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>{summary}</summary>
      {open.value && children()}
    </details>
  );
}
