/** Every text that is shown, as [its contrast to what is behind it, the text, the class of its element]. */
() => {
  const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [...[r, g, b].map((c, i) => c * a + under[i] * (1 - a)), 1];
  const luminance = (color) => {
    const [r, g, b] = color.map((c) =>
      c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const kept = (of) => {
    const values = new Map();
    return (key) => {
      if (!values.has(key)) values.set(key, of(key));
      return values.get(key);
    };
  };
  const colored = kept(rgba);
  const box = kept((element) => element.getBoundingClientRect());
  const background = kept((element) => colored(getComputedStyle(element).backgroundColor));
  /** Under a box: the grounds of the elements around it that reach there. */
  const behind = (element, { left, top, width, height }) => {
    if (element === null) return [255, 255, 255, 1];
    const around = box(element);
    const [x, y] = [left + width / 2, top + height / 2];
    const inside = around.left <= x && x <= around.right && around.top <= y && y <= around.bottom;
    const own = inside ? background(element) : [0, 0, 0, 0];
    return own[3] === 1 ? own : over(own, behind(element.parentElement, { left, top, width, height }));
  };
  const opacity = kept((element) =>
    element === null ? 1 : Number(getComputedStyle(element).opacity) * opacity(element.parentElement),
  );
  const found = [];
  const add = (element, color, ground, text) => {
    const [r, g, b, a] = colored(color);
    const ink = [r, g, b, a * opacity(element)];
    found.push([
      ratio(over(ink, ground), ground),
      text.trim(),
      String(element.className?.baseVal ?? element.className),
    ]);
  };
  const root = document.querySelector(".ie");
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    const range = document.createRange();
    range.selectNodeContents(node);
    if (node.data.trim() === "" || range.getClientRects().length === 0) continue;
    if (element.closest(":disabled, style, option") || !element.checkVisibility({ visibilityProperty: true }))
      continue;
    const style = getComputedStyle(element);
    if (!(element instanceof SVGElement)) {
      // Of a note that is cut, the middle of what is not shown may lie outside of everything.
      const note = element.closest(".ie-cut");
      const place = (note ?? range).getBoundingClientRect();
      add(element, style.color, behind(note ?? element, place), node.data);
      continue;
    }
    // Names in the graph of the wiring stand on their circles.
    const circle =
      element.closest(".ie-wiring-nodes g")?.querySelector("circle") ??
      (element.matches(".ie-wiring-name") ? element.parentElement.querySelector("circle") : null);
    const under = behind(element.closest("div"), range.getBoundingClientRect());
    const ground = circle === null ? under : over(colored(getComputedStyle(circle).fill), under);
    add(element, style.fill, ground, node.data);
  }
  for (const field of root.querySelectorAll("input[type=text], textarea, select")) {
    const ground = behind(field, field.getBoundingClientRect());
    add(field, getComputedStyle(field).color, ground, field.value);
    if (field.placeholder)
      add(field, getComputedStyle(field, "::placeholder").color, ground, field.placeholder);
  }
  return found;
};
