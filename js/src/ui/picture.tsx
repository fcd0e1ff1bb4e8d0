/** The picture below a cell's output stands for the explorer where none is drawn: here one is. */
import type { ViewProps } from "./view";

export function NoPicture({ view }: ViewProps) {
  const name = view.store.picture;
  if (name === "") return null;
  return <style>{`.${name}, .jp-OutputArea-child:has(.${name}) { display: none !important; }`}</style>;
}
