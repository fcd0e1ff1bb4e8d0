"""Where a series' resident model lives: on which device, and in which dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from induction_kernels.checkpoints.integrity import PRECISIONS
from induction_kernels.errors import SelectionError


@dataclass(frozen=True)
class Place:
    """None is where, and as, the source builds it."""

    device: torch.device | None = None
    dtype: torch.dtype | None = None

    def moved(self, device: str | torch.device | None, dtype: torch.dtype | None) -> Place:
        """Another place; None leaves device or dtype as it is.

        Raises:
            SelectionError: no such device here, or a dtype that is not floating-point.
        """
        return Place(
            self.device if device is None else _existing(device),
            self.dtype if dtype is None else _floating(dtype),
        )

    def hold(self, module: Any) -> nn.Module:
        """The module, put here."""
        # TransformerLens' modules would print a line for each move.
        quiet = {"print_details": False} if hasattr(module, "cfg") else {}
        for where in (self.device, self.dtype):
            if where is not None:
                module = module.to(where, **quiet)
        held: nn.Module = module
        return held


def _existing(name: str | torch.device) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for CUDA
        raise SelectionError(
            f"{str(name)!r} cannot hold a model here: {str(error).splitlines()[0]}.",
            "Give 'cpu', or 'cuda' where PyTorch sees a GPU.",
        ) from error
    return device


def _floating(dtype: torch.dtype) -> torch.dtype:
    if dtype not in PRECISIONS:
        raise SelectionError(
            f"Weights cannot be {dtype}.", "Give torch.float32, torch.bfloat16 or torch.float16."
        )
    return dtype
