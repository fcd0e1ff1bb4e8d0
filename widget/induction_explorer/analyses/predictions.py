"""What comes next after every token of the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import Arrays, analysis, dtype_and_dims

if TYPE_CHECKING:
    from induction_kernels.models.outputs import Output

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known

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
    parts = (
        "prediction_ids",
        "prediction_logits",
        "prediction_probabilities",
        "answer_rank",
        "answer_probability",
        "prompt_loss",
    )

    def end(self, arrays: Arrays, output: Output, at: At) -> None:
        from induction_kernels.losses.predictions import predict_positions

        ids = at.prompt.tokens[0]
        found = predict_positions(output, ids, at.model.d_vocab, TOP_K, at.prompt.answer)
        for name, declared in self.arrays.items():
            arrays[name] = getattr(found, name).numpy().astype(dtype_and_dims(declared)[0])

    def of_kept(self, session: Known, kept: Arrays) -> Arrays:
        return {name: kept[part] for name, part in zip(self.arrays, self.parts, strict=True)}

    def words(self, session: Known, found: list[Arrays]) -> dict[str, Any]:
        """How many predictions a position has, and the tokens that ids stand for."""
        ids = np.unique(np.stack([one["ids"] for one in found])).tolist()
        strings = session.token_strings(ids)
        tokens = {str(i): text for i, text in zip(ids, strings, strict=True)}
        return {"k": found[0]["ids"].shape[-1], "tokens": tokens}
