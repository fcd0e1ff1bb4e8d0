"""The bundled series' tokenizer beside Transformers' own reading of the same file."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import load_demo
from induction_kernels.inputs.padding import pad_ids
from induction_kernels.inputs.tokenization import prompt_tokens, token_strings
from transformers import PreTrainedTokenizerFast

OURS = load_demo("attn-only-1l").model(0)
THEIRS = load_demo("attn-only-1l").load(0).tokenizer

TEXTS = st.text(max_size=40) | st.sampled_from(["<|bos|>the cat", "a<|bos|>", "the  cat sat . "])


def test_it_is_theirs_that_transformer_lens_is_given() -> None:
    assert type(THEIRS) is PreTrainedTokenizerFast


@given(TEXTS)
def test_a_text_is_the_same_tokens(text: str) -> None:
    plain = {"add_special_tokens": False}
    assert OURS.tokenizer(text, **plain)["input_ids"] == THEIRS(text, **plain)["input_ids"]


def test_every_token_is_the_same_text() -> None:
    ours, how = OURS.tokenizer, {"clean_up_tokenization_spaces": False}
    for token in range(len(THEIRS)):
        assert ours.convert_ids_to_tokens(token) == THEIRS.convert_ids_to_tokens(token)
        assert ours.decode([token], **how) == THEIRS.decode([token], **how)


@pytest.mark.parametrize(
    "name", ["bos_token_id", "eos_token_id", "pad_token_id", "all_special_ids"]
)
def test_special_tokens_are_the_same(name: str) -> None:
    assert getattr(OURS.tokenizer, name) == getattr(THEIRS, name)


def test_it_is_as_long() -> None:
    assert len(OURS.tokenizer) == len(THEIRS)


@given(TEXTS.filter(bool))
def test_prompts_and_their_tokens_are_the_same(text: str) -> None:
    theirs = replace(OURS, tokenizer=THEIRS)
    ids = prompt_tokens(OURS, text)
    assert torch.equal(ids, prompt_tokens(theirs, text))
    assert token_strings(OURS, ids[0]) == token_strings(theirs, ids[0])
    assert pad_ids(OURS) == pad_ids(theirs)


def test_what_else_is_asked_is_answered_by_theirs() -> None:
    ours, texts = OURS.tokenizer, ["the cat", "a"]
    assert ours(texts)["input_ids"] == THEIRS(texts)["input_ids"]
    as_tensor = {"text": "the cat", "return_tensors": "pt"}
    assert torch.equal(ours(**as_tensor)["input_ids"], THEIRS(**as_tensor)["input_ids"])
    assert ours.encode("the cat") == THEIRS.encode("the cat")
    assert ours.decode([0, 1]) == THEIRS.decode([0, 1])
    assert ours.decode([0, 5], skip_special_tokens=True) == THEIRS.decode(
        [0, 5], skip_special_tokens=True
    )
    assert ours.convert_ids_to_tokens([0, 1]) == THEIRS.convert_ids_to_tokens([0, 1])
    assert ours.vocab_size == THEIRS.vocab_size
    assert len(copy.deepcopy(ours)) == len(ours)
    with pytest.raises(AttributeError):
        _ = ours.no_such_thing
