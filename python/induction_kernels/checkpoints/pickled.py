"""Weights in PyTorch's own files, which are pickles: tensors and plain containers are read of them,
by `weights_only=True`, and nothing in them is run."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from induction_kernels.checkpoints.files import check_file
from induction_kernels.errors import CheckpointError

#: Where training loops put the weights, beside a step, an optimizer or their own code.
_INSIDE = ("model", "state_dict", "model_state_dict", "module")
#: What torch.compile and data-parallel wrappers put before every name.
_WRAPPED = ("_orig_mod.", "module.")
_FORBIDDEN = re.compile(r"GLOBAL (\S+)")


def read_pickled(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.pt`, `.pth` or `.bin` file, on the CPU.

    Raises:
        CheckpointError: the file is gone or truncated, holds more than tensors and plain
            containers, or no weights.
    """
    content = _load(path)
    found = _weights(content)
    if found is None:
        raise CheckpointError(
            f"{path.name} holds no weights ({_kind(content)}).",
            "Save names with tensors: torch.save(model.state_dict(), path), or "
            "{'model': model.state_dict(), ...}.",
        )
    for prefix in _WRAPPED:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _load(path: Path) -> Any:
    check_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        forbidden = _FORBIDDEN.search(str(error))
        if forbidden is None:
            raise _truncated(path, error) from error
        raise CheckpointError(
            f"{path.name} asks for {forbidden[1]}, and only weights are read of a pickle: more "
            "may run code.",
            "Save the weights alone: torch.save(model.state_dict(), path), or as safetensors.",
        ) from error
    except Exception as error:  # of many kinds: a file may be anything
        raise _truncated(path, error) from error


def _truncated(path: Path, error: Exception) -> CheckpointError:
    said = (str(error).splitlines() or [""])[0]
    return CheckpointError(
        f"{path.name} is not a whole file of torch.save ({said}; {path.stat().st_size:,} bytes).",
        "It was truncated or altered; copy it again.",
    )


def _weights(content: Any) -> dict[str, Tensor] | None:
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return {str(name): value for name, value in content.items()}
    return next((found for key in _INSIDE if (found := _weights(content.get(key)))), None)


def _kind(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"but {', '.join(map(repr, list(content)[:6]))}" if content else "an empty dict"
    return f"a {type(content).__name__}"
