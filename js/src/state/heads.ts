/** Heads as names, and the colour each selected one keeps while it stays selected. */
import type { Head } from "../contract.gen";

export function headName([layer, head]: Head): string {
  return `L${layer}H${head}`;
}

export function sameHead(a: Head, b: Head): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

export function sameHeads(a: Head[], b: Head[]): boolean {
  return a.length === b.length && a.every((head, index) => sameHead(head, b[index] as Head));
}

/** Each head once, without those that are missing. */
export function distinctHeads(heads: (Head | null)[]): Head[] {
  const found: Head[] = [];
  for (const head of heads) {
    if (head !== null && !found.some((other) => sameHead(other, head))) found.push(head);
  }
  return found;
}

/** A palette slot a head: those still selected keep theirs, new ones take the lowest that is free. */
export function assignSlots(before: ReadonlyMap<string, number>, heads: Head[]): Map<string, number> {
  const slots = new Map<string, number>();
  const names = heads.map(headName);
  for (const name of names) {
    const slot = before.get(name);
    if (slot !== undefined) slots.set(name, slot);
  }
  const used = new Set(slots.values());
  for (const name of names) {
    if (slots.has(name)) continue;
    let slot = 0;
    while (used.has(slot)) slot += 1;
    used.add(slot);
    slots.set(name, slot);
  }
  return slots;
}
