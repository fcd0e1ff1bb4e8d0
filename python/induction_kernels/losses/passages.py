"""One passage at every checkpoint: the loss of each token, and what becomes of the answer.

The notebook's figures of a passage before and after, of chosen tokens over training, and of
test_prompt (Kissane 2023), and Olsson et al. 2022's per-token losses.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from tqdm.auto import tqdm

from induction_kernels.attention.forward import run
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.coordinates import along_training
from induction_kernels.errors import CheckpointError, InductionError, ProbeError, PromptError
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.tokenization import answer_token, sequence, token_strings
from induction_kernels.losses.predictions import predict_positions
from induction_kernels.scores.registry import package_version

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

    rows: dict[int, tuple[np.ndarray, float, float, float]] = {}
    faults: list[str] = []
    ids: Tensor | None = None
    target: int | None = None
    model = None
    series = series.replica(private=True)  # the caller's model is the caller's
    for index, checkpoint in enumerate(
        tqdm(series, desc=series.name, unit="checkpoint", disable=not progress)
    ):
        try:
            model = series.model(index, then=index + 1 if index + 1 < len(series) else None)
            if ids is None:
                ids = sequence(model, text, attention_mask)
                target = None if answer is None else answer_token(model, answer)
                if ids.shape[1] < 2:
                    raise PromptError("One token has no loss.", "Give a text of two or more.")
            found = predict_positions(run(model, ids), ids[0], model.d_vocab, 1, target)
        except (PromptError, ProbeError):
            raise
        except InductionError as error:
            faults.append(f"{checkpoint.label}: {error}")
            continue
        last = (float(found.answer_rank[-1]), float(found.answer_probability[-1]))
        rows[index] = found.losses[:-1].numpy(), *last, float(found.losses[-1])
    if model is None or ids is None or not rows:
        raise CheckpointError(f"No checkpoint of {series.name} could be run.", faults[0])
    if faults:
        warnings.warn("Checkpoints left out (NaN): " + "; ".join(faults), stacklevel=2)
    losses = np.full((len(series), ids.shape[1] - 1), np.nan, np.float32)
    answers = np.full((3, len(series)), np.nan)
    for index, (row, *of_answer) in rows.items():
        losses[index] = row
        answers[:, index] = of_answer
    variables: dict[str, tuple] = {"loss": (("checkpoint", "position"), losses)}
    if target is not None:
        names = ("answer_rank", "answer_probability", "answer_loss")
        for name, one in zip(names, answers, strict=True):
            variables[name] = ("checkpoint", one)
    return xarray.Dataset(
        variables,
        coords={
            **along_training(series),
            "position": range(1, ids.shape[1]),
            "token": ("position", token_strings(model, ids[0])[1:]),
        },
        attrs=model.provenance()
        | {
            "series": series.name,
            "ids": ids[0].tolist(),
            "answer": "" if target is None else token_strings(model, torch.tensor([target]))[0],
            "faults": faults,
            "package_version": package_version(),
        },
    )
