"""A model for what lies on a hub."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def model():
    """As Pythia is, and small; files that publish other suites have their own."""
    import torch
    from small_models import HUGGING_FACE

    torch.manual_seed(0)
    return HUGGING_FACE["gpt_neox"]().eval()
