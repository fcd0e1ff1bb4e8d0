"""Prompts run on one checkpoint after another, for what a sweep keeps of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from induction_kernels.attention.patterns import Head, check_heads, keep_cells, run_patterns
from induction_kernels.errors import InductionError
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens, token_strings
from induction_kernels.losses.predictions import predict_positions
from induction_kernels.models.model import Model
from induction_kernels.sweeps.contents import Variable
from induction_kernels.sweeps.prompts import PARTS, VOCABULARY, ReadPrompt, SweptPrompt

#: How many predictions are kept of a position.
TOP_K = 10


class PromptReader:
    """One prompt, as a series' tokenizer reads it.

    Raises:
        PromptError, ProbeError: a prompt or an answer that the model cannot read.
    """

    def __init__(self, model: Model, prompt: SweptPrompt) -> None:
        self._ids = prompt_tokens(model, prompt.text)
        self._answer = answer_token(model, prompt.answer) if prompt.answer else None
        self.prompt = ReadPrompt(
            prompt.text,
            prompt.answer,
            tuple(self._ids[0].tolist()),
            tuple(token_strings(model, self._ids[0])),
            -1 if self._answer is None else self._answer,
            "" if self._answer is None else token_strings(model, [self._answer])[0],
        )

    def __call__(self, model: Model) -> dict[str, np.ndarray]:
        """What is kept of a checkpoint, by the names of variables, from one pass.

        Raises:
            InductionError: attention that is not a number, as NaN weights give.
        """
        n = len(self.prompt.ids)
        attention = np.full((model.n_layers, model.n_heads, n * (n + 1) // 2), np.nan, np.float32)

        def store(head: Head, cells: np.ndarray) -> None:
            if not np.isfinite(cells).all():
                raise InductionError(
                    f"The attention of {model.head_name(*head)} in {model.name} is not a number.",
                    "The weights or activations hold NaN or infinity; load intact weights.",
                )
            attention[head] = cells

        output = run_patterns(model, self._ids, check_heads(model, None), store, keep_cells)
        found = predict_positions(output, self._ids[0], model.d_vocab, TOP_K, self._answer)
        of_parts = {
            "attention": attention,
            "prediction_ids": found.ids,
            "prediction_logits": found.logits,
            "prediction_probabilities": found.probabilities,
            "answer_rank": found.answer_rank,
            "answer_probability": found.answer_probability,
            "prompt_loss": found.losses,
        }
        return {
            self.prompt.named(part): np.asarray(values, PARTS[part].dtype)
            for part, values in of_parts.items()
        }

    def variables(self, model: Model) -> list[Variable]:
        n = len(self.prompt.ids)
        sizes = {
            "layer": model.n_layers,
            "head": model.n_heads,
            "cell_{key}": n * (n + 1) // 2,
            "query_{key}": n,
            "rank": min(TOP_K, model.d_vocab),
        }
        return [
            Variable(
                self.prompt.named(part),
                tuple(dim.format(key=self.prompt.key) for dim in of.dims),
                tuple(sizes[dim] for dim in of.dims),
                self.prompt.attrs(part),
                of.dtype,
            )
            for part, of in PARTS.items()
        ]


def coordinates(readers: Sequence[PromptReader]) -> dict[str, tuple[str, np.ndarray]]:
    """Of each prompt its ids."""
    return {
        f"id_{one.prompt.key}": (f"query_{one.prompt.key}", np.array(one.prompt.ids))
        for one in readers
    }


def vocabulary(model: Model) -> dict[str, tuple[str, np.ndarray]]:
    """What ids stand for."""
    strings = np.array(token_strings(model, list(range(model.d_vocab))), np.dtypes.StringDType())
    return {VOCABULARY: (VOCABULARY, strings)}
