"""What `save_pretrained` wrote into a folder: one file of weights, or shards and their index."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from torch import Tensor

from induction_kernels.checkpoints.files import read_json, unreadable
from induction_kernels.checkpoints.tensors import joined, read_safetensors
from induction_kernels.errors import CheckpointError

_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def weight_paths(folder: Path) -> list[Path]:
    """The files that hold the weights in a folder.

    Raises:
        CheckpointError: no safetensors there, two sets of them, or an index that leads out of the
            folder.
    """
    index, whole = folder / _INDEX, folder / _WHOLE
    if not os.path.lexists(index):
        if not os.path.lexists(whole):
            raise _without_weights(folder)
        return [whole]
    if os.path.lexists(whole):
        raise CheckpointError(
            f"{folder} holds both {_WHOLE} and {_INDEX}, so its weights are there twice.",
            "Remove the older.",
        )
    return [folder / name for name in _shards(index)]


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights in a folder.

    Raises:
        CheckpointError: as of `weight_paths`; or a tensor is in two shards.
    """
    shards = ((path.name, read_safetensors(path)) for path in weight_paths(folder))
    return joined(shards, folder, "They are not of one checkpoint; copy the folder again.")


def refuse_adapter(folder: Path) -> None:
    """Raise a CheckpointError where PEFT saved what it trained, without the model beside it."""
    if os.path.lexists(folder / "adapter_config.json") and not os.path.lexists(folder / _WHOLE):
        raise CheckpointError(
            f"{folder} holds an adapter, not a whole model.",
            "Merge it: AutoPeftModelForCausalLM.from_pretrained(folder).merge_and_unload()"
            ".save_pretrained(other_folder).",
        )


def _shards(index: Path) -> list[str]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
        raise CheckpointError(f"{index} has no weight_map from names to files.", "Copy it again.")
    for name in names.values():
        parts = PurePath(name)
        if parts.is_absolute() or ".." in parts.parts or "\0" in name:
            raise CheckpointError(
                f"{index} names {name!r}, which is outside its folder.",
                "Shards lie beside their index; copy the folder again.",
            )
    return sorted(set(names.values()))


def _without_weights(folder: Path) -> CheckpointError:
    try:
        held = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return unreadable(folder, error)
    pickled = [name for name in held if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    models = [name for name in pickled if name.startswith(("pytorch_model", "model"))]
    if models:
        return CheckpointError(
            f"{folder} holds its weights as {models[0]}, a pickle, which is not read: opening one "
            "may run code.",
            "Save them as safetensors: AutoModelForCausalLM.from_pretrained(folder)"
            ".save_pretrained(folder).",
        )
    return CheckpointError(
        f"{folder} holds no {_WHOLE}.", "Was it saved to its end? model.save_pretrained(folder)"
    )
