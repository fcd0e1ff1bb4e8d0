"""The prose the bundled series are trained on, and the tokenizer that reads it."""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import load_demo
from induction_kernels.inputs import corpus
from tokenizers import Tokenizer

SOURCE = '''\
#!/usr/bin/python
# A line that is long enough for an editor to wrap it,
# and goes on.
"""What the module does.

    an example, as it stands
    """

url = "http://x/#no-comment"  # where
def f(x):
    r"""Say \\d."""
    return x  ## done
'''


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return bundled()


@cache
def bundled() -> Tokenizer:
    found: Tokenizer = load_demo("attn-only-1l").model(0).tokenizer.backend_tokenizer
    return found


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [tokenizer.decode([token]) for token in ids]


def test_docstrings_and_comments_are_read_in_order_and_no_code() -> None:
    assert corpus.prose(SOURCE).split("\n\n") == [
        "",
        "!/usr/bin/python\nA line that is long enough for an editor to wrap it, and goes on.",
        "What the module does.",
        "an example, as it stands",
        "where",
        "Say \\d.",
        "done",
        "",
    ]


def test_comments_are_those_of_pythons_tokenizer() -> None:
    for _, path in islice(corpus.source_files(), 0, None, 12):
        source = Path(path).read_text(errors="replace")
        expected = [
            token.string.lstrip("#").strip()
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        ]
        found = [line for _, text in corpus._comments(source) for line in text.split("\n")]
        assert [line.strip() for line in found] == expected, path


@pytest.mark.slow
@given(st.text())
def test_every_string_comes_back(text) -> None:
    tokenizer = bundled()
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_ordinary_words_are_whole(tokenizer) -> None:
    text = (
        "This function does not return a new list. If the first argument is an object of this type"
        " and no other value was given, it should be used when you read or write the file."
    )
    assert all(re.fullmatch(r" ?[A-Za-z]+|[.,]", piece) for piece in pieces(tokenizer, text))
    assert len(pieces(tokenizer, text)) == len(re.findall(r"[A-Za-z]+|[.,]", text))


def test_most_words_of_unseen_prose_are_whole(tokenizer) -> None:
    text = "\n\n".join(islice(corpus.texts(heldout=True), 20))
    words = re.findall(r" ?[A-Za-z]{2,}", text)
    whole = sum(len(pieces(tokenizer, word)) == 1 for word in words)
    assert whole / len(words) > 0.55
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(text) / len(ids) > 2.2


def test_names_fall_apart_where_their_words_do(tokenizer) -> None:
    assert pieces(tokenizer, "file_name") == ["file", "_", "name"]
    assert pieces(tokenizer, "TypeError") == ["Type", "Error"]
    assert pieces(tokenizer, "it doesn't") == ["it", " doesn", "'t"]
