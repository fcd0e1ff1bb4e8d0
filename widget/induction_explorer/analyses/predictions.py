"""What comes next after every token of the prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
from induction_kernels.inputs.tokenization import token_strings
from induction_kernels.losses.predictions import predict_positions
from induction_kernels.models.outputs import Output

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, analysis, dtype_and_dims
from induction_explorer.series.at import At
from induction_explorer.series.session import SeriesSession

#: How many predictions a position shows.
TOP_K = 10


@analysis("predictions")
class Predictions(OnePass, frozen=True):
    """The likeliest next tokens after every position, and how likely what really comes is: the next
    token of the prompt, after the last position the answer. Rank 0 is the likeliest; without an
    answer rank -1, probability 0 and loss NaN. Logits of ids; losses in nats."""

    of = "answer"
    arrays = {
        "ids": "int32 query rank",
        "logits": "query rank",
        "probabilities": "query rank",
        "answer_rank": "int32 query",
        "answer_probability": "query",
        "losses": "query",
    }

    def end(self, arrays: Arrays, output: Output, at: At) -> None:
        ids = at.prompt.ids[0]
        found = predict_positions(output, ids, at.model.d_vocab, TOP_K, at.prompt.answer)
        for name, declared in self.arrays.items():
            arrays[name] = getattr(found, name).numpy().astype(dtype_and_dims(declared)[0])

    def words(self, session: SeriesSession, found: list[Arrays]) -> dict[str, Any]:
        """How many predictions a position has, and the tokens that ids stand for."""
        ids = np.unique(np.stack([one["ids"] for one in found])).tolist()
        strings = token_strings(session.tokenizer_model, ids)
        tokens = {str(i): text for i, text in zip(ids, strings, strict=True)}
        return {"k": found[0]["ids"].shape[-1], "tokens": tokens}
