"""Pages of heads that a sweep keeps: what they attend to over a corpus at each checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from induction_kernels.errors import SelectionError
from induction_kernels.heads.intervals import INTERVALS, equal_frequency
from induction_kernels.heads.padded import Padded
from induction_kernels.heads.page import Head, HeadPage
from induction_kernels.sweeps.contents import Part
from induction_kernels.whole_numbers import whole_number

#: Sequences of a page, of the highest interval and of each other: as many as an explorer shows.
STRONGEST, SAMPLES = 6, 2
SEQUENCES = STRONGEST + (INTERVALS - 1) * SAMPLES
#: The coordinates of all pages: the ids of the corpus, and how often each is there.
TOKEN, COUNT = "page_token", "page_count"

_ROWS, _SEQUENCES, _QUERIES, _SLOTS = "page_row", "page_sequence", "page_query", "page_slot"

#: By the name that stands before the head's in that of a variable.
PARTS: Mapping[str, Part] = {
    "page_strength": Part(
        (_ROWS,), "float32", "Strength of rows", "the largest A[q, k] with 1 <= k < q of each row"
    ),
    "page_shown": Part(
        (_SEQUENCES,),
        "int32",
        "Rows that are shown",
        "from all five intervals of strength, the strongest first; -1 where there are fewer",
    ),
    "page_ids": Part(
        (_SEQUENCES, _QUERIES), "int32", "Their tokens", "ids; -1 after the end of a row"
    ),
    "page_keys": Part(
        (_SEQUENCES, _QUERIES, _SLOTS),
        "int32",
        "Keys that get most",
        "of each query of these rows, by their places; -1 where fewer get 0.005",
    ),
    "page_attention": Part(
        (_SEQUENCES, _QUERIES, _SLOTS), "float32", "Attention to these keys", "A[q, k]"
    ),
    "page_distances": Part(
        ("page_distance",),
        "float64",
        "Attention by distance",
        "the sum over the corpus of A[q, k] with q - k so much, 1 <= k",
    ),
    "page_first": Part(
        (), "float64", "Attention to position 0", "the mean of A[q, 0] over the corpus"
    ),
    "page_looked_from": Part(
        (TOKEN,),
        "float64",
        "Attention that tokens pay",
        "the sum over the corpus of A[q, k] with 1 <= k, by the token of the query",
    ),
    "page_looked_at": Part(
        (TOKEN,), "float64", "Attention that tokens get", "the same by the token of the key"
    ),
}


@dataclass(frozen=True)
class SweptPage:
    """The page of one head."""

    layer: int
    head: int

    @property
    def names(self) -> list[str]:
        return [self.named(part) for part in PARTS]

    def named(self, part: str) -> str:
        """The variable that a part is kept as."""
        return f"{part}_L{self.layer}H{self.head}"

    def attrs(self, part: str) -> dict[str, Any]:
        """Of the variable that this part is kept as."""
        return PARTS[part].said("page") | {"part": part, "of_head": [self.layer, self.head]}

    def parts(self, page: HeadPage) -> dict[str, np.ndarray]:
        """What is kept, by the names of variables."""
        padded = Padded.of(page, SEQUENCES)
        of_parts = {
            "page_strength": page.strengths,
            "page_shown": padded.rows,
            "page_ids": padded.ids,
            "page_keys": padded.keys,
            "page_attention": padded.attention,
            "page_distances": page.distances,
            "page_first": np.asarray(page.first),
            "page_looked_from": page.looked_from,
            "page_looked_at": page.looked_at,
        }
        return {self.named(part): values for part, values in of_parts.items()}

    def page(
        self,
        parts: Mapping[str, np.ndarray],
        tokens: Int[np.ndarray, " token"],
        counts: Int[np.ndarray, " token"],
    ) -> HeadPage:
        """The page of which these were kept."""
        strengths = parts["page_strength"]
        intervals = equal_frequency(strengths)
        names = ("page_shown", "page_ids", "page_keys", "page_attention")
        padded = Padded(*(parts[name] for name in names))
        return HeadPage(
            head=(self.layer, self.head),
            strengths=strengths,
            intervals=intervals,
            sequences=padded.sequences(strengths, intervals),
            distances=parts["page_distances"],
            first=float(parts["page_first"]),
            tokens=tokens,
            counts=counts,
            looked_from=parts["page_looked_from"],
            looked_at=parts["page_looked_at"],
        )


#: The heads whose pages are kept: some, all that there are, or none.
Heads = Sequence[Head] | Literal["all"]


def checked(head_pages: Iterable[Head] | bool | None) -> Heads:
    """What a caller gave: pairs (layer, head), each once; True for all heads, None for none.

    Raises:
        SelectionError: something else.
    """
    if head_pages is None or isinstance(head_pages, bool):
        return "all" if head_pages else []
    try:
        pairs = [tuple(one) for one in head_pages]
    except TypeError:
        raise _no_heads(head_pages) from None
    for pair in pairs:
        if len(pair) != 2 or any(whole_number(one, 0) is None for one in pair):
            raise _no_heads(pair)
    return list(dict.fromkeys((int(layer), int(head)) for layer, head in pairs))


def _no_heads(given: object) -> SelectionError:
    return SelectionError(
        f"{given!r} is no head.",
        "Give pairs (layer, head), or True for all heads: head_pages=[(1, 6), (0, 3)].",
    )
