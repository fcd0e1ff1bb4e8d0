"""Safetensors files read from memory are what the library maps, whole or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from induction_kernels.checkpoints.tensors import read_safetensors
from induction_kernels.errors import CheckpointError
from safetensors.torch import load_file, save_file

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    torch.complex64,
]  # fmt: skip


@pytest.fixture
def path(tmp_path) -> Path:
    """A file with every dtype, a number, an empty tensor and metadata."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 5), (7,), (), (0, 4), (2, 1, 3)]
    tensors = {
        f"{str(dtype).removeprefix('torch.')}/{shape}": (
            100 * torch.randn(shape, generator=generator)
        ).to(dtype)
        for dtype in DTYPES
        for shape in shapes
    }
    save_file(tensors, tmp_path / "all.safetensors", metadata={"format": "pt"})
    return tmp_path / "all.safetensors"


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


def test_it_reads_what_the_library_reads(path) -> None:
    ours, theirs = read_safetensors(path), load_file(path)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        assert ours[name].shape == value.shape
        assert bits(ours[name]) == bits(value)


def test_a_file_that_was_cut_or_grew_is_refused_at_every_length(path) -> None:
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 31), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=rf"not a whole safetensors file.* {length:,} "):
            read_safetensors(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_safetensors(path)


@pytest.mark.parametrize(
    "header",
    [
        "[]", "7", '"text"', "{", '{"a": 1}', '{"a": {}}', '{"a": {"dtype": "F32"}}',
        '{"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": []}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}',
        '{"a": {"dtype": "F32", "shape": [1], "data_offsets": "04"}}',
        '{"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}',
        '{"a": {"dtype": "F32", "shape": [99999999999999999999, 0], "data_offsets": [0, 0]}}',
        '{"a": ' * 50_000,
    ],
)  # fmt: skip
def test_headers_of_nonsense_are_refused_in_words(tmp_path, header) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(4))
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        read_safetensors(path)
