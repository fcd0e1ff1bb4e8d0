/** The classes of whatever is painted in a saturated red. Cells and bars of a scale are images and gradients. */
() => {
  const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const isRed = (color) => {
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
    return a > 20 && r - Math.max(g, b) > 0.25 * r && Math.abs(g - b) < 0.35 * (r - Math.min(g, b));
  };
  const found = new Set();
  for (const e of document.querySelectorAll(".ie, .ie *")) {
    if (!e.checkVisibility({ visibilityProperty: true }) || e.closest("option, [hidden]")) continue;
    for (const pseudo of [null, "::before", "::after"]) {
      const style = getComputedStyle(e, pseudo);
      if (pseudo !== null && style.content === "none") continue;
      const paints = [style.backgroundColor, ...(style.boxShadow.match(/(rgb|color)\([^)]*\)/g) ?? [])];
      if (style.backgroundImage.includes("gradient") && !e.matches(".ie-legend-bar, .ie-passage-key *"))
        paints.push(...(style.backgroundImage.match(/(rgb|color)a?\([^)]*\)/g) ?? []));
      if (e instanceof SVGElement) paints.push(style.fill, style.stroke);
      else {
        if (e.innerText?.trim()) paints.push(style.color);
        for (const side of ["Top", "Left", "Bottom", "Right"])
          if (parseFloat(style[`border${side}Width`])) paints.push(style[`border${side}Color`]);
        if (parseFloat(style.outlineWidth) && style.outlineStyle !== "none") paints.push(style.outlineColor);
      }
      if (paints.some((paint) => paint && paint !== "none" && isRed(paint)))
        found.add(String(e.className.baseVal ?? e.className) || e.tagName);
    }
  }
  return [...found].sort();
};
