"""A corpus read on one checkpoint after another, for the pages of heads that a sweep keeps."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from induction_kernels.attention.patterns import check_heads
from induction_kernels.heads.corpus import Corpus
from induction_kernels.heads.page import KEYS_A_QUERY
from induction_kernels.heads.pages import ROWS_AT_A_TIME, read_by_steps
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.models.model import Model
from induction_kernels.sweeps.contents import Variable
from induction_kernels.sweeps.pages import (
    COUNT,
    PARTS,
    SAMPLES,
    SEQUENCES,
    STRONGEST,
    TOKEN,
    Heads,
    SweptPage,
)


class PagesReader:
    """Reads the pages of some heads, all in one pass over the corpus.

    Raises:
        SelectionError: a head that the model does not have.
        ProbeError: a row of one token.
    """

    def __init__(self, model: Model, heads: Heads, text: TextProbe) -> None:
        wanted = check_heads(model, None if heads == "all" else heads)
        self.pages = [SweptPage(*head) for head in wanted]
        self._text = text
        self._tokens, self._counts = self._corpus(self.pages).vocabulary()

    @property
    def names(self) -> list[str]:
        return [name for page in self.pages for name in page.names]

    def _corpus(self, pages: Collection[SweptPage]) -> Corpus:
        heads = [(page.layer, page.head) for page in pages]
        return Corpus(self._text, heads, STRONGEST, SAMPLES)

    def __call__(self, model: Model, names: Collection[str]) -> dict[str, np.ndarray]:
        """Of a checkpoint, what is kept of the heads that these variables are of.

        Raises:
            InductionError: attention that is not finite, as NaN weights give.
        """
        wanted = [page for page in self.pages if not set(page.names).isdisjoint(names)]
        if not wanted:
            return {}
        corpus = self._corpus(wanted)
        for _ in read_by_steps(corpus, model, ROWS_AT_A_TIME):
            pass
        found: dict[str, np.ndarray] = {}
        for page in wanted:
            found |= page.parts(corpus.page((page.layer, page.head)))
        return found

    def variables(self) -> list[Variable]:
        rows, longest = self._text.tokens.shape
        sizes = {
            "page_row": rows,
            "page_sequence": SEQUENCES,
            "page_query": longest,
            "page_slot": KEYS_A_QUERY,
            "page_distance": longest,
            TOKEN: len(self._tokens),
        }
        about = self._text.provenance()
        return [
            Variable(
                page.named(part),
                of.dims,
                tuple(sizes[dim] for dim in of.dims),
                page.attrs(part) | about,
                of.dtype,
            )
            for page in self.pages
            for part, of in PARTS.items()
        ]

    def coordinates(self) -> dict[str, tuple[str, np.ndarray]]:
        """The tokens of the corpus, and how often each is there."""
        return {TOKEN: (TOKEN, self._tokens), COUNT: (TOKEN, self._counts)}
