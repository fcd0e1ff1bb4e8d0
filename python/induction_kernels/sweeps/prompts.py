"""Prompts of which a sweep keeps what each checkpoint does with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from induction_kernels.errors import SelectionError
from induction_kernels.sweeps.contents import Part

#: The coordinate with the strings of all tokens, in the order of ids.
VOCABULARY = "vocabulary"


_CELLS = "cell_{key}"
_QUERIES = "query_{key}"

#: By the name that stands before the prompt's key in that of a variable.
PARTS: Mapping[str, Part] = {
    "attention": Part(
        ("layer", "head", _CELLS),
        "float32",
        "Attention",
        "A[q, k] of the lower triangle, row by row: query 0's one cell, query 1's two, and so on",
    ),
    "prediction_ids": Part(
        (_QUERIES, "rank"),
        "int32",
        "Likeliest next tokens",
        "ids of the tokens that are likeliest after each position, the likeliest first",
    ),
    "prediction_logits": Part(
        (_QUERIES, "rank"), "float32", "Their logits", "before the softmax over the vocabulary"
    ),
    "prediction_probabilities": Part(
        (_QUERIES, "rank"), "float32", "Their probabilities", "softmax over the vocabulary"
    ),
    "answer_rank": Part(
        (_QUERIES,),
        "int32",
        "Rank of what comes next",
        "0 is the likeliest; of the prompt's next token, after the last position of the answer; "
        "-1 without one",
    ),
    "answer_probability": Part(
        (_QUERIES,), "float32", "Probability of what comes next", "0 without an answer"
    ),
    "prompt_loss": Part(
        (_QUERIES,), "float32", "Loss", "-log p of what comes next; NaN without an answer", "nat"
    ),
}


@dataclass(frozen=True)
class SweptPrompt:
    """A prompt and its answer, as they stand; "" for no answer."""

    text: str
    answer: str = ""

    @property
    def key(self) -> str:
        """Tells it from others in the names of variables: eight hexadecimal digits."""
        return hashlib.sha256(json.dumps([self.text, self.answer]).encode()).hexdigest()[:8]

    @property
    def names(self) -> list[str]:
        return [self.named(part) for part in PARTS]

    def named(self, part: str) -> str:
        """The variable that a part is kept as."""
        return f"{part}_{self.key}"


@dataclass(frozen=True)
class ReadPrompt(SweptPrompt):
    """As a model's tokenizer reads it.

    Attributes:
        ids, tokens: of the prompt, BOS in front where the model has one.
        answer_id, answer_token: of the answer's first token; -1 and "" without an answer.
    """

    ids: tuple[int, ...] = ()
    tokens: tuple[str, ...] = ()
    answer_id: int = -1
    answer_token: str = ""

    @classmethod
    def of(cls, attrs: Mapping[str, Any]) -> ReadPrompt:
        """As a variable has it among its attributes."""
        said = {name: attrs[name] for name in cls.__dataclass_fields__}
        return cls(**said | {"ids": tuple(said["ids"]), "tokens": tuple(said["tokens"])})

    def attrs(self, part: str) -> dict[str, Any]:
        """Of the variable that this part is kept as."""
        return asdict(self) | PARTS[part].said("prompt") | {"part": part}


def checked(prompts: Iterable[str | tuple[str, str]] | str | None) -> list[SweptPrompt]:
    """What a caller gave: texts, or pairs of a text and its answer; each once.

    Raises:
        SelectionError: something else, or an empty text.
    """
    given = [prompts] if isinstance(prompts, str) else list(prompts or ())
    return list(dict.fromkeys(_checked(one) for one in given))


def _checked(prompt: Any) -> SweptPrompt:
    parts = (prompt,) if isinstance(prompt, str) else prompt
    is_known = isinstance(parts, tuple | list) and len(parts) in {1, 2}
    if not is_known or not all(isinstance(part, str) for part in parts) or not parts[0]:
        raise SelectionError(
            f"{prompt!r} is no prompt.",
            'Give texts, or pairs of a text and its answer: prompts=["A B A", ("A B A", " B")].',
        )
    return SweptPrompt(*parts)
