"""Where a token of the strip begins and ends is drawn, at rest and for every token."""

from __future__ import annotations

import io

import numpy as np
import pytest
from harness import Harness
from PIL import Image


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scale", [1, 2])
def test_tokens_have_edges(windows: Windows, harness: Harness, scheme: str, scale: int) -> None:
    window = windows.new_page(color_scheme=scheme, device_scale_factor=scale)
    harness.open(window, case="2l")
    tokens = window.get_by_role("listbox", name="Tokens").get_by_role("option")
    for token in (tokens.nth(3), tokens.nth(4)):
        picture = Image.open(io.BytesIO(token.screenshot())).convert("RGB")
        pixels = np.asarray(picture, int)
        row = pixels[len(pixels) // 2]
        # Boxes may begin between two pixels: the line is in one of the outer ones.
        ground = row[2 * scale]
        for edge in (row[: 2 * scale], row[-2 * scale :]):
            assert abs(edge - ground).sum(1).max() > 40
