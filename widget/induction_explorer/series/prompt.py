"""A prompt as one series' tokenizer reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from induction_kernels.errors import InductionError
from induction_kernels.names import legible

from induction_explorer.series import budget

if TYPE_CHECKING:
    from torch import Tensor

    from induction_explorer.series.session import SeriesSession


@dataclass(frozen=True, eq=False)
class Prompt:
    """A prompt and its answer.

    Attributes:
        answer: id of the token that is ranked after it, None without one; and that as text.
        scrub: patterns of all heads at all checkpoints can be kept, and are there or computed
            quickly.
    """

    ids: tuple[int, ...]
    answer: int | None
    strings: list[str]
    answer_string: str
    scrub: bool

    @classmethod
    def read(cls, session: SeriesSession, text: str, answer: str) -> Prompt:
        """With the series' tokenizer.

        Raises:
            InductionError: a prompt or an answer that cannot be run.
        """
        from induction_kernels.inputs.tokenization import answer_token, prompt_tokens

        model = session.tokenizer_model
        ids = prompt_tokens(model, text)[0].tolist()
        token = answer_token(model, answer) if answer else None
        return cls(
            ids=tuple(ids),
            answer=token,
            strings=session.token_strings(ids),
            answer_string="" if token is None else session.token_strings([token])[0],
            scrub=budget.patterns_fit(session, len(ids)) and session.light,
        )

    @property
    def tokens(self) -> Tensor:
        """[1, pos], as models take them."""
        import torch

        return torch.tensor([self.ids])

    def info(self, generation: int) -> dict[str, Any]:
        """`PromptInfo` of js/src/kernel/model.ts."""
        return {
            "generation": generation,
            "tokens": self.strings,
            "ids": list(self.ids),
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
