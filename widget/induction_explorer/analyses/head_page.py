"""What one head attends to over a corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.heads.padded import Padded
from induction_kernels.sweeps.pages import SAMPLES, SEQUENCES, STRONGEST

from induction_explorer.contract import Analysis, Arrays, Head, Steps, analysis
from induction_explorer.series import budget

if TYPE_CHECKING:
    from induction_kernels.heads.page import HeadPage as Found

    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: Of each list.
_TOKENS = 12


@analysis("head_page")
class HeadPage(Analysis, frozen=True):
    """What one head attends to on the rows of text read so far, position 0 left out as query and as
    key. Of sequences, the strongest first and −1 where there are fewer: the row, its interval of
    five (5 has the strongest), its largest A[q, k] with k < q, its ids, and of each query the keys
    that get most and round(255 a) of each. The share of attention at each distance from query to
    key, and of position 0. The tokens that it looks from and at most: their share of attention, and
    over their share of all tokens."""

    head: Head
    doing = "Reading what a head attends to"
    arrays = {
        "rows": "int32",
        "row": "int32 sequence",
        "interval": "int32 sequence",
        "strength": "sequence",
        "ids": "int32 sequence position",
        "keys": "int32 sequence position slot",
        "attention": "uint8 sequence position slot",
        "distances": "distance",
        "first": "",
        "from_ids": "int32 token",
        "from_share": "token",
        "from_times": "token",
        "at_ids": "int32 token",
        "at_share": "token",
        "at_times": "token",
    }

    def check(self, session: Known, prompt: Prompt | None) -> None:
        session.check_head(self.head)

    def passes(self, session: SeriesSession) -> int:
        return -(-budget.reading(session).rows // _rows_a_pass(session))

    def counting(self, session: SeriesSession) -> Callable[[int], str]:
        rows, each = budget.reading(session).rows, _rows_a_pass(session)
        return lambda done: f"{min(rows, done * each):,} of {rows:,} rows"

    def tokens(self, session: SeriesSession) -> int:
        return _rows_a_pass(session) * budget.text_length(session)

    def steps(self, at: At) -> Steps:
        from induction_kernels.heads.corpus import Corpus
        from induction_kernels.heads.pages import read_by_steps

        corpus = Corpus(at.session.text, [self.head], STRONGEST, SAMPLES)
        for _ in read_by_steps(corpus, at.model, _rows_a_pass(at.session)):
            yield lambda: _arrays(corpus.page(self.head))

    @classmethod
    def of_kept(cls, page: Found) -> Arrays:
        """The answer that a page is which a sweep kept."""
        return _arrays(page)

    def words(self, session: Known, found: list[Arrays]) -> dict[str, Any]:
        """The tokens of ids, rows as text that becomes the prompt where one can be run, and whose
        text it is."""
        named = ("ids", "from_ids", "at_ids")
        ids = np.unique(np.concatenate([one[name].ravel() for one in found for name in named]))
        known = ids[ids >= 0].tolist()
        rows = {
            str(row): text
            for one in found
            for row, tokens in zip(one["row"].tolist(), one["ids"], strict=True)
            if row >= 0
            if (text := session.row_as_prompt(tokens[tokens >= 0].tolist())) is not None
        }
        strings = dict(zip(map(str, known), session.token_strings(known), strict=True))
        return {"tokens": strings, "texts": rows, "origin": session.text_origin}


def _rows_a_pass(session: SeriesSession) -> int:
    return min(
        budget.reading(session).rows, budget.rows_a_pass(session, budget.text_length(session))
    )


def _arrays(page: Found) -> Arrays:
    return _of_sequences(page) | _of_all(page)


def _of_sequences(page: Found) -> Arrays:
    padded = Padded.of(page, SEQUENCES)
    interval, strength = np.full(SEQUENCES, -1, np.int32), np.full(SEQUENCES, np.nan, np.float32)
    for nth, shown in enumerate(page.sequences):
        interval[nth], strength[nth] = shown.interval, shown.strength
    return {
        "row": padded.rows,
        "interval": interval,
        "strength": strength,
        "ids": padded.ids,
        "keys": padded.keys,
        "attention": np.rint(255 * padded.attention).clip(0, 255).astype(np.uint8),
    }


def _of_all(page: Found) -> Arrays:
    queries = max(1, int(page.counts.sum()))
    found: Arrays = {
        "rows": np.asarray(len(page.strengths), np.int32),
        "distances": (page.distances / queries).astype(np.float32),
        "first": np.asarray(page.first, np.float32),
    }
    total = page.distances.sum()
    for name, paid in (("from", page.looked_from), ("at", page.looked_at)):
        most = np.argsort(-paid, kind="stable")[:_TOKENS]
        share = paid[most] / total if total > 0 else np.zeros(len(most))
        often = np.maximum(page.counts[most], 1) / queries
        found[f"{name}_ids"] = page.tokens[most].astype(np.int32)
        found[f"{name}_share"] = share.astype(np.float32)
        found[f"{name}_times"] = (share / often).astype(np.float32)
    return found
