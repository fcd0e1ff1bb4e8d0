"""What one head looks for at a query of the prompt, and what it writes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from induction_explorer.analyses.attribution import check_query
from induction_explorer.contract import (
    Analysis,
    Arrays,
    Head,
    Index,
    Steps,
    analysis,
    dtype_and_dims,
)

if TYPE_CHECKING:
    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt

#: Keys, and tokens for each.
_KEYS, _TOKENS = 5, 4


@analysis("head_tokens")
class HeadTokens(Analysis, frozen=True):
    """The keys that a head attends to most from a query, with the attention and the score before
    the softmax, less its mean over the keys that are seen; and for each the tokens whose logits the
    head raises and lowers most where it attends there alone, in logits. Ids and positions."""

    head: Head
    query: Index
    of = "prompt"
    doing = "Reading what a head writes"
    arrays = {
        "keys": "int32 key",
        "attention": "key",
        "scores": "key",
        "raised": "int32 key rank",
        "raised_by": "key rank",
        "lowered": "int32 key rank",
        "lowered_by": "key rank",
    }

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)
        check_query(self.query, prompt)

    def steps(self, at: At) -> Steps:
        from induction_kernels.scores.of_outputs.head_tokens import tokens_of_head

        found = tokens_of_head(at.model, at.prompt.tokens, self.head, self.query, _KEYS, _TOKENS)
        arrays = {
            name: getattr(found, name).numpy().astype(dtype_and_dims(declared)[0])
            for name, declared in self.arrays.items()
        }
        yield lambda: arrays

    def words(self, session: Known, found: list[Arrays]) -> dict[str, Any]:
        """The tokens that ids stand for."""
        ids = np.unique([one[name] for one in found for name in ("raised", "lowered")]).tolist()
        return {"tokens": dict(zip(map(str, ids), session.token_strings(ids), strict=True))}
