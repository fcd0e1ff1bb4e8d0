"""One passage at every checkpoint: the loss of each token, and what becomes of the answer.

The notebook's figures of a passage before and after, of chosen tokens over training, and of
test_prompt (Kissane 2023), and Olsson et al. 2022's per-token losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Int
from torch import Tensor

from induction_kernels.attention.forward import run
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.walk import walk
from induction_kernels.errors import PromptError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import answer_token, sequence, token_strings
from induction_kernels.losses.predictions import PositionPredictions, predict_positions
from induction_kernels.models.model import Model
from induction_kernels.provenance import package_version

if TYPE_CHECKING:
    import xarray


def passage_losses(
    series: CheckpointSeries,
    text: str | list[int] | Int[Tensor, "..."],
    answer: str | None = None,
    *,
    attention_mask: Mask | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Loss of every token of a passage at every checkpoint, and rank and probability of an answer.

    Args:
        text: a text (the model's BOS goes in front), or ids [pos] or [1, pos].
        answer: an expected continuation, as it stands; its first token is followed.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding, which is
            taken away before positions are counted.
        progress: show a progress bar.

    Returns:
        xarray.Dataset: `loss` (checkpoint, position), in nats, of token `position` given those
        before it, with the coordinate `token` (position 0 has no loss and is left out); with an
        answer also `answer_rank` (0 = top), `answer_probability` and `answer_loss` (checkpoint,).
        A checkpoint that cannot be run is NaN, named in a warning and in the attribute `faults`.

    Raises:
        PromptError: a text of a single token, or one the model cannot read.
        ProbeError: ids outside the vocabulary, or padding without a mask.
        CheckpointError: not one checkpoint could be run.
    """
    import xarray

    def prepare(model: Model) -> _Passage:
        ids = sequence(model, text, attention_mask)
        if ids.shape[1] < 2:
            raise PromptError("One token has no loss.", "Give a text of two or more.")
        return _Passage(ids, None if answer is None else answer_token(model, answer))

    read = walk(series, prepare, done="run", progress=progress)
    model, passage = read.model, read.reader
    variables: dict[str, tuple[object, object]] = {
        "loss": (("checkpoint", "position"), read.along(lambda at: at.losses[:-1]))
    }
    if passage.answer is not None:
        of_answer = {
            "answer_rank": read.along(lambda at: at.answer_rank[-1], float),
            "answer_probability": read.along(lambda at: at.answer_probability[-1], float),
            "answer_loss": read.along(lambda at: at.losses[-1], float),
        }
        variables |= {name: ("checkpoint", values) for name, values in of_answer.items()}
    ids = passage.ids[0]
    return xarray.Dataset(
        variables,
        coords={
            **read.coords,
            "position": range(1, len(ids)),
            "token": ("position", token_strings(model, ids)[1:]),
        },
        attrs=read.attrs
        | {
            "ids": ids.tolist(),
            "answer": "" if passage.answer is None else token_strings(model, [passage.answer])[0],
            "package_version": package_version(),
        },
    )


@dataclass(frozen=True, eq=False)
class _Passage:
    """What is read of every checkpoint."""

    ids: Int[Tensor, "1 pos"]
    answer: int | None

    def __call__(self, model: Model) -> PositionPredictions:
        return predict_positions(run(model, self.ids), self.ids[0], model.d_vocab, 1, self.answer)
