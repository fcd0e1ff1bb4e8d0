"""The text the demo models read: the prose of the Python standard library, on every machine.

Docstrings and comments, whose commonest words a small vocabulary holds whole. Nothing of it is
copied into the package. Everything here re-derives it from the running Python, so tokens differ a
little from one Python version to the next; the model card says which one was used.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Int
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

BOS = "<|bos|>"
BOS_ID = 0
LEFT_OUT_FOLDERS = {
    # Generated cases and data rather than text as people write it.
    *("test", "tests", "idle_test", "encodings"),
    # An application; and one generated file.
    *("idlelib", "pydoc_data"),
    # Not the standard library.
    *("site-packages", "dist-packages", "__pycache__"),
}
LEFT_OUT_PREFIXES = ("_sysconfigdata", "config-")  # paths and compiler flags of one machine
HELDOUT_SHARE = 0.25


@cache
def source_files() -> tuple[tuple[str, Path], ...]:
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
    return tuple(sorted(files))


def _is_wanted(name: str) -> bool:
    return not name.startswith(LEFT_OUT_PREFIXES)


def is_heldout(rel: str) -> bool:
    """Whether a file is kept from training: the hash of its path decides, so that a file stays on
    its side whatever else a Python version adds or drops."""
    first = int.from_bytes(hashlib.sha256(rel.encode()).digest()[:4], "big")
    return first / 2**32 < HELDOUT_SHARE


def texts(*, heldout: bool) -> Iterator[str]:
    """The prose of the files of one side of the split, in path order."""
    for rel, path in source_files():
        if is_heldout(rel) == heldout:
            yield _prose_of(path)


@cache
def _prose_of(path: Path) -> str:
    with tokenize.open(path) as file:
        return prose(file.read())


#: Strings, in which "#" begins no comment, and comments. Python's own tokenizer takes thirty times
#: as long.
_STRING_OR_COMMENT = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*""",
    re.DOTALL,
)


def prose(source: str) -> str:
    """The docstrings and comments of a source file, in its order, a paragraph a line, with empty
    lines around them."""
    passages = sorted([*_docstrings(source), *_comments(source)])
    return "\n\n".join(["", *(_unwrapped(text) for _, text in passages), ""])


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    """(line, docstring)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """(first line, comment); comments on consecutive lines are one."""
    blocks: list[tuple[int, list[str]]] = []
    line, at = 1, 0
    for found in _STRING_OR_COMMENT.finditer(source):
        if not found[0].startswith("#"):
            continue
        line += source.count("\n", at, found.start())
        at = found.start()
        if not blocks or line != blocks[-1][0] + len(blocks[-1][1]):
            blocks.append((line, []))
        blocks[-1][1].append(found[0].lstrip("#").removeprefix(" ").rstrip())
    return ((first, "\n".join(lines)) for first, lines in blocks)


def _unwrapped(text: str) -> str:
    """Without the line breaks within paragraphs: a long line goes on where a word follows it."""
    return re.sub(r"(?<=[^\n]{50})\n *(?=[A-Za-z])", " ", text.strip("\n"))


#: Words with the space before them, parts of names_joined and namesJoined, digits, runs of other
#: characters, and what is blank.
PRE_TOKENS = (
    r"'(?:[sdmt]|ll|re|ve)(?![A-Za-z])| ?[A-Z]?[a-z]+| ?[A-Z]+(?![a-z])| ?\d"
    r"| ?[^\sA-Za-z\d]+|\n+|\s+(?=\s)|\s"
)


def train_tokenizer(training_texts: Iterable[str], d_vocab: int, n_pieces: int) -> Tokenizer:
    """A tokenizer of `d_vocab` tokens: BOS (id 0), the 256 bytes, `n_pieces` pieces to spell rare
    words with, which are merges of byte-level BPE, and the commonest words, which are whole.

    All 256 bytes are in the alphabet, so that any string can be encoded. BOS is prepended, as in
    every row, unless the caller says `add_special_tokens=False`.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    split = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRE_TOKENS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    counts = Counter(word for text in training_texts for word, _ in split.pre_tokenize_str(text))
    # By count, then by spelling, so that ties do not depend on the order of the files.
    common = sorted(counts, key=lambda word: (-counts[word], word))
    spelt = common[d_vocab - 1 - len(alphabet) - n_pieces :]
    speller = Tokenizer(models.BPE())
    speller.train_from_iterator(
        ([word] * counts[word] for word in spelt),
        trainers.BpeTrainer(
            vocab_size=1 + len(alphabet) + n_pieces,
            special_tokens=[BOS],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    model = json.loads(speller.to_str())["model"]
    vocab: dict[str, int] = model["vocab"]
    for word in common:
        if len(vocab) == d_vocab:
            break
        vocab.setdefault(word, len(vocab))
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    tokenizer.add_special_tokens([BOS])
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def encode(tokenizer: Tokenizer, some_texts: Iterable[str]) -> Int[np.ndarray, " tokens"]:
    """Token ids of the texts one after another, without BOS."""
    encodings = tokenizer.encode_batch(list(some_texts), add_special_tokens=False)
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
