"""Which head a score is largest of: in the bundled series that is chance."""

from __future__ import annotations

import numpy as np
import xarray


def best_head(score: xarray.DataArray) -> tuple[int, int]:
    """(layer, head); heads without a score aside."""
    layer, head = np.unravel_index(np.nanargmax(score.values), score.shape)
    return int(layer), int(head)
