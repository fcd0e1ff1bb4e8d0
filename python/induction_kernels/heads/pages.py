"""Pages of heads: one pass over a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from induction_kernels.attention.door import as_model
from induction_kernels.attention.patterns import check_heads
from induction_kernels.checkpoints.progress import progress_bar
from induction_kernels.errors import SelectionError
from induction_kernels.heads.corpus import Corpus
from induction_kernels.heads.page import Head, HeadPage
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.models.model import Model
from induction_kernels.whole_numbers import whole_number

#: Sequences that are shown, of the highest interval and of each other, and rows run at a time.
STRONGEST, SAMPLES, ROWS_AT_A_TIME = 10, 3, 8


@dataclass(frozen=True, eq=False)
class HeadPages(Mapping[Head, HeadPage]):
    """Pages by (layer, head).

    Attributes:
        model: that was read.
        text: that it read.
        attrs: what has to be known of both to repeat a number.
    """

    model: Model
    text: TextProbe
    pages: Mapping[Head, HeadPage]

    def __getitem__(self, head: Head) -> HeadPage:
        return self.pages[head]

    def __iter__(self) -> Iterator[Head]:
        return iter(self.pages)

    def __len__(self) -> int:
        return len(self.pages)

    @property
    def attrs(self) -> dict[str, Any]:
        return self.model.provenance() | self.text.provenance()


def head_pages(
    model: object,
    texts: Texts | None = None,
    heads: Iterable[Head] | None = None,
    *,
    attention_mask: Mask | None = None,
    strongest: int = STRONGEST,
    samples: int = SAMPLES,
    batch_size: int = ROWS_AT_A_TIME,
    progress: bool = True,
) -> HeadPages:
    """What heads attend to over a corpus, in one pass over it.

    Of each head: the sequences that stand for the whole range of its attention, with the cells of
    their patterns; how far before a query it looks; and the tokens that it looks from and at.
    `write_headvis` makes a folder of them that HeadVis shows.

    Args:
        model: anything `as_model` accepts.
        texts: strings, a column of a dataset, or token ids [row, pos]; None for held-out text of
            the bundled series.
        heads: (layer, head) pairs; None for all.
        attention_mask: of ids: 1 where there is a token and 0 where there is padding.
        strongest: sequences of the highest of the five intervals.
        samples: of each other.
        batch_size: rows run at a time.
        progress: show a progress bar.

    Raises:
        ProbeError: texts that the model cannot read, or of fewer than two tokens.
        SelectionError: a head that does not exist, or counts below 1.
        InductionError: attention that is not finite.
    """
    model = as_model(model)
    for name, count in (("strongest", strongest), ("samples", samples)):
        if whole_number(count, 1) is None:
            raise SelectionError(f"{name}={count!r} was given.", "Give a whole number from 1.")
    wanted = check_heads(model, heads)
    text = TextProbe.of(model, texts, attention_mask)
    corpus = Corpus(text, wanted, strongest, samples)
    with progress_bar(model.name, len(text.tokens), unit="row", show=progress) as done:
        for rows in read_by_steps(corpus, model, batch_size):
            done(rows)
    return HeadPages(model, text, {head: corpus.page(head) for head in wanted})


def read_by_steps(corpus: Corpus, model: Model, batch_size: int) -> Iterator[int]:
    """Read all rows, some in a pass and a pass in a step: says how many it was.

    Raises:
        InductionError: attention that is not finite; not even one row fits into memory.
    """
    for _, read in in_batches(
        corpus.text.tokens, batch_size, lambda rows: corpus.read(model, rows)
    ):
        corpus.add(read)
        yield read.rows.stop - read.rows.start
