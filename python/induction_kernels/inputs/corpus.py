"""The text the demo models read: the sources of the Python standard library, on every machine.

Nothing of it is copied into the package. Everything here re-derives it from the running Python, so
tokens differ a little from one Python version to the next; the model card says which one was used.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
import tokenize
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

BOS = "<|bos|>"
BOS_ID = 0
LEFT_OUT_FOLDERS = {
    # Generated cases and data rather than code as people write it.
    *("test", "tests", "idle_test", "encodings"),
    # An application; and one generated file of documentation that would be 8 % of all bytes.
    *("idlelib", "pydoc_data"),
    # Not the standard library.
    *("site-packages", "dist-packages", "__pycache__"),
}
LEFT_OUT_PREFIXES = ("_sysconfigdata", "config-")  # paths and compiler flags of one machine
HELDOUT_SHARE = 0.1


def source_files() -> list[tuple[str, Path]]:
    """(path relative to the standard library, in POSIX form; path) of every file read, sorted."""
    root = Path(sysconfig.get_path("stdlib"))
    files = []
    for folder, inside, names in os.walk(root):
        # Pruned on the way: site-packages can hold a hundred times as many files.
        inside[:] = [name for name in inside if name not in LEFT_OUT_FOLDERS and _is_wanted(name)]
        for name in names:
            if name.endswith(".py") and _is_wanted(name):
                path = Path(folder) / name
                files.append((path.relative_to(root).as_posix(), path))
    return sorted(files)


def _is_wanted(name: str) -> bool:
    return not name.startswith(LEFT_OUT_PREFIXES)


def is_heldout(rel: str) -> bool:
    """Whether a file is kept from training: the hash of its path decides, so that a file stays on
    its side whatever else a Python version adds or drops."""
    first = int.from_bytes(hashlib.sha256(rel.encode()).digest()[:4], "big")
    return first / 2**32 < HELDOUT_SHARE


def texts(*, heldout: bool) -> list[str]:
    """The files of one side of the split, in path order, decoded by their coding cookie."""
    return [_read(path) for rel, path in source_files() if is_heldout(rel) == heldout]


def _read(path: Path) -> str:
    with tokenize.open(path) as file:
        return file.read()


def train_tokenizer(training_texts: Iterable[str], d_vocab: int) -> Tokenizer:
    """A byte-level BPE tokenizer of `d_vocab` tokens: BOS (id 0), the 256 bytes, then merges.

    All 256 bytes are in the alphabet, so that any string can be encoded. BOS is prepended, as in
    every row, unless the caller says `add_special_tokens=False`.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=d_vocab,
        special_tokens=[BOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def encode(tokenizer: Tokenizer, some_texts: list[str]) -> Int[np.ndarray, " tokens"]:
    """Token ids of the texts one after another, without BOS."""
    encodings = tokenizer.encode_batch(some_texts, add_special_tokens=False)
    return np.concatenate([np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings])


def heldout_rows(
    tokenizer: Tokenizer, n_ctx: int, max_rows: int | None = None
) -> Int[np.ndarray, "row pos"]:
    """Plain held-out text, packed into rows of n_ctx: BOS, then n_ctx - 1 consecutive tokens.

    Rows do not overlap and may run across the end of a file. With `max_rows`, that many rows spread
    evenly over the held-out text.
    """
    stream = encode(tokenizer, texts(heldout=True))
    n_rows = len(stream) // (n_ctx - 1)
    rows = stream[: n_rows * (n_ctx - 1)].reshape(n_rows, n_ctx - 1)
    if max_rows is not None and max_rows < n_rows:
        rows = rows[np.linspace(0, n_rows - 1, max_rows).astype(int)]
    return np.pad(rows, ((0, 0), (1, 0)), constant_values=BOS_ID)
