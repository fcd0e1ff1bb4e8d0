"""What an explorer shows before its reader types anything."""

from __future__ import annotations

import re

import pytest
from induction_explorer.prompts import default_prompt
from induction_kernels import load_demo, top_predictions
from induction_kernels.demo import DEMOS

WORD = re.compile(r" ?[A-Za-z]{2,}|[.,]")


@pytest.mark.parametrize("name", DEMOS)
def test_every_word_is_one_token(name) -> None:
    model = load_demo(name).model(0)
    text, answer = default_prompt(model)
    tokenizer = model.tokenizer.backend_tokenizer
    pieces = [
        tokenizer.decode([token]) for token in tokenizer.encode(text, add_special_tokens=False).ids
    ]
    # The first word stands without the space that other words are read with.
    first = len(pieces) - len(re.findall(r" [A-Za-z]+|[.,]", text))
    assert "".join(pieces) == text
    assert first <= 2
    assert not [piece for piece in pieces[first:] if not WORD.fullmatch(piece)]
    assert WORD.fullmatch(answer)


@pytest.mark.parametrize("name", ["attn-only-2l", "attn-only-3l"])
def test_the_answer_comes_with_induction(name) -> None:
    series = load_demo(name)
    text, answer = default_prompt(series.model(0))
    first, last = (top_predictions(series.load(index), text, answer=answer) for index in (0, -1))
    assert first.answer_rank > 10
    assert last.answer_rank == 0
