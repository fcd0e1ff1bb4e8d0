"""Text to token ids, and each id back to something a reader can see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import PromptError
from induction_kernels.inputs.padding import GIVE_MASK, GIVE_ROWS, Mask
from induction_kernels.inputs.probes import check_tokens, rows_of
from induction_kernels.models.model import Model


def sequence(
    model: Model,
    tokens: str | list[int] | Int[Tensor, "..."],
    attention_mask: Mask | None,
) -> Int[Tensor, "1 pos"]:
    """What a caller gave to a function of one sequence that takes a mask: its ids, unpadded.

    Raises:
        PromptError: as `prompt_tokens`, or a mask for a text.
        ProbeError: ids outside the vocabulary, padding without a mask, or a mask that cannot be
            used.
    """
    if attention_mask is None:
        return prompt_tokens(model, tokens, padding=GIVE_MASK)
    if isinstance(tokens, str):
        raise PromptError(
            "attention_mask= was given with a text, which has no padding.", "Give token ids."
        )
    rows = rows_of(model, torch.as_tensor(tokens), attention_mask)
    return _only(rows.flush())


def prompt_tokens(
    model: Model, prompt: str | list[int] | Int[Tensor, "..."], *, padding: str = GIVE_ROWS
) -> Int[Tensor, "1 pos"]:
    """The ids of one prompt, BOS first where the model has one and the text is text.

    A model without tokenizer takes ids, as a tensor, a list or a text of numbers ("0 17 5 17").

    Args:
        padding: what to do about it, for the error.

    Raises:
        PromptError: empty, longer than the context, or text without a tokenizer.
        ProbeError: ids outside the vocabulary.
    """
    ids = _encode(model, prompt) if isinstance(prompt, str) else torch.as_tensor(prompt).cpu()
    if ids.numel() == 0:
        raise PromptError("The prompt is empty.", "Type at least one token.")
    if ids.shape[-1] > model.n_ctx:
        raise PromptError(
            f"The prompt is {ids.shape[-1]:,} tokens long; {model.name} takes at most "
            f"{model.n_ctx:,}.",
            "Shorten it.",
        )
    return _only(check_tokens(model, ids, padding))


def _only(rows: Int[Tensor, "row pos"]) -> Int[Tensor, "1 pos"]:
    if len(rows) != 1:
        raise PromptError(f"{len(rows)} rows were given.", "Give one prompt at a time.")
    return rows


def answer_token(model: Model, answer: str) -> int:
    """The first token of `answer`, which is taken as it stands: a leading space counts.

    Raises:
        PromptError: empty, or text without a tokenizer.
    """
    ids = _encode(model, answer, bos=False)
    if ids.numel() == 0:
        raise PromptError("The answer is empty.", "Give at least one token, such as ' C'.")
    return int(check_tokens(model, ids)[0, 0])


def token_strings(model: Model, ids: Int[Tensor, " pos"] | list[int]) -> list[str]:
    r"""One text a token. Bytes that are no whole UTF-8 character are written \xE2\x82."""
    ids = torch.as_tensor(ids).flatten().tolist()
    if model.tokenizer is None:
        return [str(i) for i in ids]
    return [_string_of(model.tokenizer, i) for i in ids]


def encode(model: Model, text: str) -> list[int]:
    """The ids of a text and nothing else, by the model's tokenizer.

    Raises:
        PromptError: a text with half a surrogate pair, which no encoding of Unicode has, or a
            tokenizer of another model's vocabulary.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"Character {error.start} of the text is U+{ord(text[error.start]):04X}, half of a "
            "surrogate pair, which alone is no character.",
            "Remove it; text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace') does.",
        ) from None
    assert model.tokenizer is not None
    ids: list[int] = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    if ids and max(ids) >= model.d_vocab:
        raise PromptError(
            f"The tokenizer reads the text as token {max(ids)} among others; {model.name} knows "
            f"tokens 0 to {model.d_vocab - 1}.",
            "Pass the tokenizer that the model was trained with.",
        )
    return ids


#: A row of text may begin and end within words, which its tokenizer would read otherwise.
_CUT = 8


def text_of(model: Model, ids: Sequence[int]) -> str:
    """A text that `prompt_tokens` reads as these ids, without the BOS that it puts in front.

    Where there is none it is of the ids less a few at the ends, as of a row that begins within a
    word; and where there is none of these either, what the ids decode to.
    """
    ids = list(ids[1:]) if list(ids[:1]) == [model.bos_id] else list(ids)
    if model.tokenizer is None:
        return " ".join(map(str, ids))
    for less in range(min(_CUT, len(ids))):
        for start in range(less + 1):
            part = ids[start : len(ids) - less + start]
            text = _decoded(model.tokenizer, part)
            if encode(model, text) == part:
                return text
    return _decoded(model.tokenizer, ids)


def _decoded(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return text


def _encode(model: Model, text: str, bos: bool = True) -> Tensor:
    tokenizer = model.tokenizer
    if not text:
        return torch.empty(0, dtype=torch.long)
    if tokenizer is None:
        return _numbers(model, text)
    ids = encode(model, text)
    # A text that already begins with BOS as its tokenizer writes it is left alone.
    if bos and model.bos_id is not None and ids[:1] != [model.bos_id]:
        ids = [model.bos_id, *ids]
    return torch.tensor(ids, dtype=torch.long)


def _numbers(model: Model, text: str) -> Tensor:
    try:
        return torch.tensor([int(word) for word in text.replace(",", " ").split()])
    except ValueError:
        raise PromptError(
            f"{model.name} has no tokenizer, so it cannot read the text {text[:40]!r}.",
            "Pass tokenizer=..., or type token ids such as '5 17 42 5 17'.",
        ) from None


def _string_of(tokenizer: Any, token: int) -> str:
    known = token < len(tokenizer)
    piece: str | bytes | None = tokenizer.convert_ids_to_tokens(token) if known else None
    if piece is None:
        return f"<{token}>"
    if isinstance(piece, bytes):
        return _visible(piece)
    if token in tokenizer.all_special_ids:
        return piece
    if _is_byte_level(tokenizer):
        alphabet = _byte_of_character()
        if all(character in alphabet for character in piece):
            return _visible(bytes(alphabet[character] for character in piece))
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return _visible(bytes([int(piece[3:5], 16)]))  # SentencePiece's byte fallback
    if "▁" in piece:
        return piece.replace("▁", " ")
    decoded: str = tokenizer.decode([token], clean_up_tokenization_spaces=False)
    return decoded or piece


def _is_byte_level(tokenizer: Any) -> bool:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        # GPT-2's slow tokenizer carries its alphabet along.
        return hasattr(tokenizer, "byte_decoder")
    return _decodes_bytes(backend.decoder)


def _decodes_bytes(decoder: Any) -> bool:
    return decoder is not None and '"ByteLevel"' in decoder.__getstate__().decode()


@lru_cache
def _byte_of_character() -> dict[str, int]:
    """GPT-2's alphabet: printable bytes stand for themselves, the others follow from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def _visible(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02X}" for b in data)
