"""Are weights what they say they are?"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from induction_kernels.errors import CheckpointError


def check_hash(path: Path, content: bytes | memoryview, sha256: str) -> None:
    """Raise a CheckpointError unless what was read of a file has this hash."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise CheckpointError(
            f"{path.name} was altered or truncated: its SHA-256 begins with {digest[:12]}, "
            f"the manifest says {sha256[:12]} ({len(content):,} bytes).",
            "Install the package again, or restore the file.",
        )


#: What weights are trained and kept in. Narrower ones mean nothing without scales beside them.
PRECISIONS = {torch.float64, torch.float32, torch.bfloat16, torch.float16}


def check_numbers(weights: Mapping[str, Tensor], where: str) -> None:
    """Tensors with data, and finite.

    Args:
        where: which checkpoint this is, for the error.

    Raises:
        CheckpointError: something else than a tensor, one without data, sparse or quantised, or a
            weight that is NaN or infinite.
    """
    for name, value in weights.items():
        kind = _strange(value)
        if kind is not None:
            raise CheckpointError(
                f"{name} in {where} {kind}.",
                "Give whole floating-point weights: model.state_dict().",
            )
        # A sum is finite only if all its terms are, and it needs no memory. Large terms may sum to
        # infinity, so the rare sum that is not finite is looked at again.
        if not value.is_floating_point() or math.isfinite(value.sum(dtype=torch.float32).item()):
            continue
        if not value.isfinite().all():
            kind = "NaN" if value.isnan().any() else "infinity"
            raise CheckpointError(
                f"{name} in {where} holds {kind}.",
                "The checkpoint is damaged or training diverged.",
            )


def _strange(value: object) -> str | None:
    """What makes it no tensor to copy from, if anything does."""
    if not isinstance(value, Tensor):
        return f"is {type(value).__name__}, not a tensor"
    if value.is_meta:
        return "has a shape but no data (it is on the device 'meta')"
    if value.layout is not torch.strided:
        return f"is sparse ({value.layout})"
    if value.is_quantized or (value.is_floating_point() and value.dtype not in PRECISIONS):
        return f"is quantised ({value.dtype})"
    return None
