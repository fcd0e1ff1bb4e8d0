"""Models of Hugging Face: one for what lies on a hub, and one of each kind."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def model():
    """As Pythia is, and small; files that publish other suites have their own."""
    import torch
    from small_models import HUGGING_FACE

    torch.manual_seed(0)
    return HUGGING_FACE["gpt_neox"]().eval()


@pytest.fixture(params=["gpt2", "gpt_neox", "llama", "gemma2"])
def hugging_face(request):
    """With patterns far from uniform."""
    import torch
    from architectures import sharpened
    from small_models import HUGGING_FACE

    torch.manual_seed(0)
    return sharpened(HUGGING_FACE[request.param]())
