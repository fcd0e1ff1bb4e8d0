"""A prompt as one series' tokenizer reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from induction_kernels.errors import InductionError
from induction_kernels.names import legible

from induction_explorer.series import budget
from induction_explorer.series.known import Known

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Prompt:
    """A prompt and its answer.

    Attributes:
        ids: [1, pos].
        answer: id of the token that is ranked after it, None without one; and that as text.
        scrub: patterns of all heads at all checkpoints can be computed and kept.
    """

    ids: Tensor
    answer: int | None
    strings: list[str]
    answer_string: str
    scrub: bool

    @classmethod
    def read(cls, known: Known, text: str, answer: str) -> Prompt:
        """With the series' tokenizer.

        Raises:
            InductionError: there is none, or a prompt or an answer that cannot be run.
        """
        session = known.with_model()
        from induction_kernels.inputs.tokenization import (
            answer_token,
            prompt_tokens,
            token_strings,
        )

        model = session.tokenizer_model
        ids = prompt_tokens(model, text)
        n, checkpoints = ids.shape[1], len(session.series)
        size = checkpoints * session.layers * session.heads * n * (n + 1) // 2
        token = answer_token(model, answer) if answer else None
        return cls(
            ids=ids,
            answer=token,
            strings=token_strings(model, ids[0]),
            answer_string="" if token is None else token_strings(model, [token])[0],
            scrub=size <= budget.PATTERN_BYTES and session.light,
        )

    @cached_property
    def key(self) -> tuple[int, ...]:
        """Equal for prompts of the same ids."""
        return tuple(self.ids[0].tolist())

    def info(self, generation: int) -> dict[str, Any]:
        """`PromptInfo` of js/src/kernel/model.ts."""
        return {
            "generation": generation,
            "tokens": self.strings,
            "ids": self.ids[0].tolist(),
            "answer": self.answer_string,
            "scrub": self.scrub,
            "error": None,
        }


def refused(error: InductionError, generation: int) -> dict[str, Any]:
    """`PromptInfo` of a series that cannot run the prompt."""
    return {
        "generation": generation,
        "tokens": [],
        "ids": [],
        "answer": "",
        "scrub": False,
        "error": {"message": legible(error.message), "hint": legible(error.hint)},
    }
