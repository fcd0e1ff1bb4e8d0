"""A sweep in a bucket is shown as one on a disk."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer
from induction_kernels import load_demo, sweep
from s3_server import s3


@pytest.mark.slow
def test_a_store_in_a_bucket_is_opened_without_its_model() -> None:
    with s3() as bucket:
        place = f"{bucket}/x.zarr"
        found = sweep(load_demo("attn-only-2l"), "induction", store=place, progress=False)
        explorer = InductionExplorer.from_store(place)
        explorer.wait()
        np.testing.assert_array_equal(explorer.scores()["induction"], found["induction"])
        explorer.close()
