"""What every part of the model adds to the logit of one token after another of the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.errors import SelectionError

from induction_explorer.contract import Analysis, Arrays, Index, Steps, analysis

if TYPE_CHECKING:
    from induction_kernels.models.model import Model

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt


@analysis("attribution")
class Attribution(Analysis, frozen=True):
    """What heads, biases of attention, MLPs, the embeddings of the token and of its position, and
    the biases at the end add to the logit of a token after the query: direct logit attribution, in
    logits less their mean over the vocabulary, which is given beside. All of it sums to the logit.
    Without a token, that of the one which comes next, after the last position the answer, and
    without one the likeliest. The cap of a model that caps its logits, and NaN of others."""

    query: Index
    token: Index | None
    of = "answer"
    doing = "Attributing logits"
    arrays = {
        "heads": "layer head",
        "out_bias": "layer",
        "mlps": "layer",
        "embedding": "",
        "position": "",
        "bias": "",
        "logit": "",
        "mean_logit": "",
        "cap": "",
        "target": "int32",
    }

    def check(self, session: Known, prompt: Prompt | None) -> None:
        check_query(self.query, prompt)

    def steps(self, at: At) -> Steps:
        import torch
        from induction_kernels.scores.of_outputs.attribution import attribute

        target = self._target(at)
        asked = torch.tensor([[target]])
        found = attribute(at.model, at.prompt.tokens, asked, torch.tensor([self.query]))
        cap = np.nan if found.cap is None else found.cap
        arrays = {"cap": np.float32(cap), "target": np.int32(target)}
        for name in self.arrays.keys() - arrays.keys():
            arrays[name] = getattr(found, name)[0, ..., 0].numpy()
        yield lambda: {name: np.asarray(arrays[name]) for name in self.arrays}

    def _target(self, at: At) -> int:
        if self.token is not None:
            if self.token >= at.model.d_vocab:
                raise SelectionError(
                    f"There is no token {self.token}.",
                    f"The model knows 0 to {at.model.d_vocab - 1}.",
                )
            return self.token
        if self.query + 1 < len(at.prompt.ids):
            return at.prompt.ids[self.query + 1]
        return _likeliest(at.model, at.prompt) if at.prompt.answer is None else at.prompt.answer

    def words(self, session: Known, found: list[Arrays]) -> dict[str, Any]:
        """The tokens that ids stand for."""
        ids = sorted({int(one["target"]) for one in found})
        return {"tokens": dict(zip(map(str, ids), session.token_strings(ids), strict=True))}


def check_query(query: int, prompt: Prompt | None) -> None:
    """Refuse what is no position of the prompt.

    Raises:
        SelectionError: it is none.
    """
    count = 0 if prompt is None else len(prompt.strings)
    if query >= count:
        raise SelectionError(
            f"There is no token {query} in the prompt.", f"It has 0 to {count - 1}."
        )


def _likeliest(model: Model, prompt: Prompt) -> int:
    from induction_kernels.attention.forward import run
    from induction_kernels.restoring import without_gradients

    with without_gradients():
        return int(run(model, prompt.tokens).logits_at(0, -1).argmax())
