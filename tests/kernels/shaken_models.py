"""Tiny models whose weights are all away from where they are initialized."""

from __future__ import annotations

from typing import Any

import torch
from architectures import ARCHITECTURES
from torch import Tensor


def shaken(model: Any, by: float = 0.2) -> Any:
    """Gains, biases and all else."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def made(kind: str) -> Any:
    torch.manual_seed(0)
    return shaken(ARCHITECTURES[kind]())


def some_ids(count: int = 12) -> Tensor:
    return torch.randint(1, 320, (1, count), generator=torch.Generator().manual_seed(0))
