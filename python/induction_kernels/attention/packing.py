"""Attention in the form in which it travels to the page."""

from __future__ import annotations

import numpy as np


def packed(cells: np.ndarray) -> np.ndarray:
    """round(255 a), uint8."""
    levels: np.ndarray = np.rint(cells * 255).clip(0, 255).astype(np.uint8)
    return levels
