"""Whether a file of weights is written to its end, told by its own bytes: a clock cannot know."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path


def is_whole(path: Path) -> bool:
    """Of safetensors the header says where the file ends; what `torch.save` writes is a zip, whose
    list of contents comes last. Of any other file nobody can tell, until it is read."""
    try:
        if path.suffix == ".safetensors":
            return path.stat().st_size == _end_of_tensors(path)
        with path.open("rb") as file:
            begins = file.read(2)
        return len(begins) == 2 and (begins != b"PK" or zipfile.is_zipfile(path))
    except (OSError, ValueError, TypeError, LookupError):
        return False


def _end_of_tensors(path: Path) -> int:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError
        header = json.loads(file.read(length))
    ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)
