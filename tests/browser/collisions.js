/** What collides in the figures that are shown, or is cut off by their edges, in words. */
() => {
  const found = [];
  for (const figure of document.querySelectorAll(".ie figure")) {
    const around = figure.getBoundingClientRect();
    const texts = [];
    const walker = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement: element } = walker.currentNode;
      if (data.trim() === "" || element.closest("title, style, option, table")) continue;
      if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const box of range.getClientRects()) {
        if (box.width > 0) texts.push({ data: data.trim().slice(0, 30), element, box });
      }
    }
    texts.forEach(({ data, element, box }, i) => {
      if (box.left < around.left - 1 || box.right > around.right + 1) found.push(`"${data}" is cut off`);
      for (const other of texts.slice(0, i)) {
        if (other.element === element) continue;
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        // Boxes of lines are higher than their letters.
        if (across > 1 && down > 3) found.push(`"${other.data}" and "${data}"`);
      }
    });
  }
  return found;
};
