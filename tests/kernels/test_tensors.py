"""Safetensors files read from memory are what the library maps, whole or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels.checkpoints import files
from induction_kernels.checkpoints.tensors import read_safetensors
from induction_kernels.errors import CheckpointError
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save, save_file

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    torch.complex64,
]  # fmt: skip


@pytest.fixture(params=["small", "large"])
def path(request, monkeypatch, tmp_path) -> Path:
    """A file with every dtype, a number, an empty tensor and metadata."""
    if request.param == "large":
        monkeypatch.setattr(files, "_LARGE", 1)
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


def test_tensors_lie_where_the_file_was_read_and_can_be_written_to(path) -> None:
    read = read_safetensors(path)
    tensors = [t for t in read.values() if t.numel()]
    first = min(t.data_ptr() for t in tensors)
    last = max(t.data_ptr() + t.numel() * t.itemsize for t in tensors)
    assert last - first == sum(t.numel() * t.itemsize for t in tensors)
    before = bits(read["float32/(7,)"])
    read["float64/(7,)"].zero_()
    assert bits(read["float32/(7,)"]) == before
    assert bits(load_file(path)["float64/(7,)"]) != bytes(56)


@pytest.mark.parametrize("padding", range(1, 8))
def test_numbers_of_files_with_headers_of_any_length_lie_at_multiples_of_their_size(
    tmp_path, padding
) -> None:
    whole = save({"a": torch.arange(6.0), "b": torch.arange(3)})
    length = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + length].rstrip() + b" " * padding
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + whole[8 + length :])
    read = read_safetensors(path)
    assert torch.equal(read["a"], torch.arange(6.0))
    assert torch.equal(read["b"], torch.arange(3))
    assert all(value.data_ptr() % value.itemsize == 0 for value in read.values())


_entry = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "I16", "U8", "X9"]),
        "shape": st.lists(st.integers(0, 3), max_size=2),
        "data_offsets": st.lists(st.integers(0, 12), min_size=2, max_size=2),
    }
)
_laid_out = st.lists(
    st.tuples(st.sampled_from(["F32", "I16", "U8"]), st.lists(st.integers(0, 3), max_size=2)),
    max_size=3,
)


@given(laid_out=_laid_out, odd=st.none() | _entry, extra=st.integers(-1, 1))
def test_what_the_library_reads_is_read_and_what_it_refuses_refused(
    tmp_path_factory, laid_out, odd, extra
) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for index, (dtype, shape) in enumerate(laid_out):
        size = int(torch.tensor(shape).prod()) * {"F32": 4, "I16": 2, "U8": 1}[dtype]
        header[str(index)] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    if odd is not None:
        header["odd"] = odd
        end = max(end, odd["data_offsets"][1])
    text = json.dumps(header).encode()
    data = bytes(index % 127 for index in range(max(0, end + extra)))
    content = len(text).to_bytes(8, "little") + text + data
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(content)
    try:
        theirs = load(content)
    except (SafetensorError, AssertionError):
        with pytest.raises(CheckpointError, match="not a whole safetensors file"):
            read_safetensors(path)
        return
    ours = read_safetensors(path)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert (ours[name].dtype, ours[name].shape) == (value.dtype, value.shape)
        assert bits(ours[name]) == bits(value)
