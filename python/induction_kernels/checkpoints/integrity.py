"""Are weights what they say they are? Reading safetensors, with a hash where one is known."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from induction_kernels.errors import CheckpointError


def read_safetensors(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU.

    Args:
        sha256: what the file's bytes must hash to, if known.

    Raises:
        CheckpointError: the file is gone, truncated, not safetensors, or not the one that was
            hashed.
    """
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.", "Was it moved since?") from None
    if sha256 is not None:
        check_hash(path, data, sha256)
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({error}; {len(data):,} bytes).",
            "It was truncated or altered; copy it again.",
        ) from error


def check_hash(path: Path, data: bytes, sha256: str) -> None:
    """Raise a CheckpointError unless `data`, read from `path`, has this hash."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise CheckpointError(
            f"{path.name} was altered or truncated: its SHA-256 begins with {found[:12]}, "
            f"the manifest says {sha256[:12]} ({len(data):,} bytes).",
            "Install the package again, or restore the file.",
        )
