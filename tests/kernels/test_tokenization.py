"""Prompts in, visible tokens out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from induction_kernels import (
    CheckpointSeries,
    as_model,
    attention_patterns,
    head_scores,
    measures,
    passage_losses,
    top_predictions,
)
from induction_kernels.errors import PromptError
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.inputs.tokenization import (
    _byte_of_character,
    answer_token,
    prompt_tokens,
    token_strings,
)
from small_models import bridge


@pytest.fixture(scope="module")
def model(tokenizer):
    return as_model(bridge(), tokenizer)


def test_bos_is_prepended_once(model, tokenizer) -> None:
    ids = prompt_tokens(model, "the cat")
    assert ids[0, 0] == tokenizer.bos_token_id
    assert torch.equal(prompt_tokens(model, "<|bos|>the cat"), ids)


@pytest.mark.parametrize(
    "text", ["the cat", " a\n\tb", "<b>'\"&amp;", "שלום", "naïve 日本 🙂", "\x00\x1b"]
)
def test_token_strings_lose_nothing(model, text) -> None:
    ids = prompt_tokens(model, text)[0, 1:]
    joined = "".join(token_strings(model, ids))
    whole = text.isascii()
    assert (joined == text) if whole else set(joined) <= set(text) | set("\\x0123456789ABCDEF")


def test_half_a_character_is_written_as_bytes(model) -> None:
    # The tokenizer never saw 日: three tokens of one byte each.
    assert token_strings(model, prompt_tokens(model, "日")[0])[1:] == ["\\xE6", "\\x97", "\\xA5"]


@given(st.binary(min_size=1, max_size=8))
def test_the_byte_alphabet_is_the_tokenizers(data: bytes) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(_byte_of_character()) == sorted(ByteLevel.alphabet())
    characters = {byte: character for character, byte in _byte_of_character().items()}
    text = data.decode("utf-8", errors="ignore")
    pieces = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    assert "".join(piece for piece, _ in pieces) == "".join(characters[b] for b in text.encode())


def test_sentencepiece_spaces_and_bytes() -> None:
    class SentencePiece:
        pieces = ("<s>", "▁the", "cat", "<0xE2>", "<0x41>")
        all_special_ids = (0,)
        bos_token_id = 0

        def __len__(self):
            return len(self.pieces)

        def convert_ids_to_tokens(self, token):
            return self.pieces[token]

        def decode(self, ids, **_):
            return self.pieces[ids[0]]

    model = as_model(bridge(), SentencePiece())
    assert token_strings(model, [0, 1, 2, 3, 4, 7]) == ["<s>", " the", "cat", "\\xE2", "A", "<7>"]


def test_what_cannot_be_run_is_said(model) -> None:
    with pytest.raises(PromptError, match="The prompt is empty"):
        prompt_tokens(model, "")
    with pytest.raises(PromptError, match=r"\d+ tokens long; native takes at most 128"):
        prompt_tokens(model, "qz" * 100)
    with pytest.raises(PromptError, match="2 rows"):
        prompt_tokens(model, torch.ones(2, 4, dtype=torch.long))
    with pytest.raises(PromptError, match="answer is empty"):
        answer_token(model, "")


def test_without_a_tokenizer_ids_are_text() -> None:
    model = as_model(bridge())
    assert prompt_tokens(model, "0 17, 5").tolist() == [[0, 17, 5]]
    assert token_strings(model, [17, 5]) == ["17", "5"]
    with pytest.raises(PromptError, match=r"no tokenizer.*'the cat'.*Pass tokenizer="):
        prompt_tokens(model, "the cat")


@pytest.mark.parametrize("text", ["the \ud83d cat", "\udc31"])
def test_half_a_surrogate_pair_is_no_text_and_no_bug_of_ours(model, text) -> None:
    at = next(i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff")
    said = f"Character {at} of the text is U\\+{ord(text[at]):04X}, half of a surrogate pair"
    for read in (prompt_tokens, answer_token, lambda m, t: TextProbe.of_texts(m, [t])):
        with pytest.raises(PromptError, match=said):
            read(model, text)
    assert prompt_tokens(model, "the \U0001f431 cat").shape[1] > 3  # both halves are a character


def test_a_tokenizer_of_a_larger_vocabulary_is_named(tokenizer) -> None:
    """Not an index error, nor on a GPU an assertion that ends the session."""
    model = as_model(bridge(d_vocab=100), tokenizer)
    said = r"token \d+ among others; .* knows tokens 0 to 99\. Pass the tokenizer"
    series = CheckpointSeries.single(model)
    for read in (
        lambda: attention_patterns(model, "the cat"),
        lambda: top_predictions(model, [1, 2], answer=" the"),
        lambda: head_scores(model, "entropy"),
        lambda: TextProbe.default(model),
        lambda: TextProbe.of_texts(model, ["the cat sat on the mat"]),
        lambda: measures(series, ["the cat sat on the mat"], progress=False),
        lambda: passage_losses(series, "the cat", progress=False),
    ):
        with pytest.raises(PromptError, match=said):
            read()
    assert head_scores(model, "induction").induction.notnull().all()
