// @vitest-environment happy-dom
import { h, render } from "preact";
import { useRef } from "preact/hooks";
import { beforeEach, describe, expect, it } from "vitest";
import { type Items, movedTo, useRoving } from "../../js/src/ui/roving";
import { freshPage, settle } from "./shown";

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "a"];
const from = (index: number, items: Items) => KEYS.map((key) => movedTo(key, index, items));

describe("keys lead", () => {
  it.each([
    [0, [4, 1, null, null, 0, 4, null]],
    [2, [1, 3, null, null, 0, 4, null]],
    [4, [3, 0, null, null, 0, 4, null]],
  ])("around tabs, from %i", (index, to) => {
    expect(from(index, { role: "tab", count: 5 })).toEqual(to);
  });

  it.each([
    [0, [null, null, 2, 1, 0, 2, null]],
    [2, [null, null, 1, 0, 0, 2, null]],
  ])("around a menu, from %i", (index, to) => {
    expect(from(index, { role: "menuitem", count: 3 })).toEqual(to);
  });

  it.each([
    [0, [0, 1, 0, 1, 0, 6, null]],
    [3, [2, 4, 2, 4, 0, 6, null]],
    [6, [5, 6, 5, 6, 0, 6, null]],
  ])("through a list of several lines and no further, from %i", (index, to) => {
    expect(from(index, { role: "option", count: 7 })).toEqual(to);
  });

  it.each([
    [0, [0, 1, 0, 4, 0, 3, null]],
    [3, [2, 3, 3, 7, 0, 3, null]],
    [4, [4, 5, 0, 8, 4, 7, null]],
    [6, [5, 7, 2, 10, 4, 7, null]],
    [11, [10, 11, 7, 11, 8, 11, null]],
  ])("along the rows and columns of a grid and no further, from %i", (index, to) => {
    expect(from(index, { role: "gridcell", count: 12, columns: 4 })).toEqual(to);
  });
});

interface Props {
  count: number;
  at?: number;
}

function Strip({ count, at }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const roving = useRoving(root, { role: "option", count }, at);
  const item = (index: number) => h("div", { role: "option", tabIndex: roving.tabIndex(index) });
  return h(
    "div",
    { ref: root, tabIndex: -1, onKeyDown: roving.move, onFocusIn: roving.focused },
    Array.from({ length: count }, (_, index) => item(index)),
  );
}

let place: HTMLElement;

beforeEach(() => {
  place = document.body.appendChild(document.createElement("div"));
});

const show = async (props: Props) => {
  render(h(Strip, props), place);
  await settle();
  return [...document.querySelectorAll<HTMLElement>("[role=option]")];
};
const stops = (items: HTMLElement[]) =>
  items.flatMap(({ tabIndex }, index) => (tabIndex === 0 ? [index] : []));
const press = async (key: string) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  document.activeElement?.dispatchEvent(event);
  await settle();
  return event.defaultPrevented;
};

freshPage();

describe("of items that are one tab stop", () => {
  it("the first is it, until another has the focus, by keys or otherwise", async () => {
    const items = await show({ count: 4 });
    expect(stops(items)).toEqual([0]);
    items[0]?.focus();
    expect(await press("ArrowRight")).toBe(true);
    expect(document.activeElement).toBe(items[1]);
    expect(stops(items)).toEqual([1]);
    items[3]?.focus();
    await settle();
    expect(stops(items)).toEqual([3]);
    items[0]?.parentElement?.focus();
    await settle();
    expect(stops(items)).toEqual([3]);
    expect(await press("ArrowLeft")).toBe(true);
    expect(document.activeElement).toBe(items[2]);
  });

  it("keys that lead nowhere are left to others", async () => {
    const items = await show({ count: 4 });
    items[2]?.focus();
    expect(await press("Enter")).toBe(false);
    expect(document.activeElement).toBe(items[2]);
  });

  it("one remains when there are fewer", async () => {
    (await show({ count: 4 }))[3]?.focus();
    await settle();
    expect(stops(await show({ count: 2 }))).toEqual([1]);
  });

  it("it is the one that is given, wherever the focus was", async () => {
    (await show({ count: 4, at: 2 }))[1]?.focus();
    await settle();
    expect(stops(await show({ count: 4, at: 2 }))).toEqual([2]);
    expect(stops(await show({ count: 4, at: 3 }))).toEqual([3]);
  });
});
