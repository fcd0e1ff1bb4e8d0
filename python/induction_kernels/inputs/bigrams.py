"""Random tokens in which one bigram stands once, and its first token again at the end."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.inputs.batches import check_rows
from induction_kernels.inputs.probes import ordinary_tokens
from induction_kernels.models.model import Model

#: Rows that are run unless more are asked for: the first of the published ones.
ROWS = 16
#: As published.
PUBLISHED_ROWS, LENGTH, SEED = 2000, 256, 42
_VOCABULARY = (100, 10_000)
_EARLIEST = 20
_CONTROLS = 50

#: In shorter rows i+1 nearly always is one of the controls, and a head's induction is lost in them.
SHORTEST = 64
#: Ids to draw from: a, b and others.
FEWEST = 3

#: Positions before the query: the tokens near it, one of which stands right before it.
NEAR = range(2, 6)
BEFORE = 1


@dataclass(frozen=True, eq=False)
class Bigrams:
    """Random tokens with a, b at i and i+1 and nowhere else, but that the last token is a.

    The probe of arXiv 2606.02378. There are 256 tokens of ids 100 to 9999 and no BOS; i is from 20
    to 127. Its rows are drawn one after another, so that fewer rows are the first of them.

    Attributes:
        tokens: [row, pos].
        first: i, of each row.
        controls: positions with nothing to look at, which are the same for all rows.
    """

    tokens: Int[Tensor, "row pos"]
    first: Int[Tensor, " row"]
    controls: Int[Tensor, " control"]
    seed: int

    @classmethod
    def make(cls, model: Model, *, rows: int = ROWS, seed: int = SEED) -> Bigrams:
        """The first of the published rows, where the model takes them.

        A model with fewer than 10,000 ids gets all of its ordinary tokens instead, one with a
        context below 256 rows as long as it. The same model, arguments and seed give the same
        tokens on every machine.

        Raises:
            ProbeError: a context or a vocabulary that is too small, or rows below 1.
        """
        rows, length = check_rows("rows", rows), min(LENGTH, model.n_ctx)
        why_not = too_small(model)
        if why_not is not None:
            raise ProbeError(why_not, "Leave out what is measured on such rows.")
        large = model.d_vocab >= _VOCABULARY[1]
        ids = np.arange(*_VOCABULARY) if large else ordinary_tokens(model).numpy()
        random = np.random.RandomState(seed)  # whose numbers are the same in every NumPy
        drawn = [_row(random, ids, length) for _ in range(rows)]
        tokens, first = (torch.from_numpy(np.array(part)) for part in zip(*drawn, strict=True))
        return cls(tokens, first, _controls(length), seed)

    @property
    def length(self) -> int:
        """Tokens of a row; the last is the query."""
        return self.tokens.shape[1]

    def provenance(self) -> dict[str, str | int]:
        """What has to be known of the probe to repeat a number."""
        return {
            "probe": "bigrams",
            "probe_batch": len(self.tokens),
            "probe_length": self.length,
            "probe_seed": self.seed,
            "probe_hash": hashlib.sha256(self.tokens.numpy().tobytes()).hexdigest()[:16],
        }


def too_small(model: Model) -> str | None:
    """Why no such rows can be made for `model`; None where they can."""
    if model.n_ctx < SHORTEST:
        return (
            f"{model.name} has a context of {model.n_ctx}; a bigram among random tokens takes "
            f"{SHORTEST}."
        )
    if model.d_vocab < FEWEST or len(ordinary_tokens(model)) < FEWEST:
        return f"{model.name} has fewer than {FEWEST} ordinary tokens, of which rows are drawn."
    return None


def _row(random: np.random.RandomState, ids: np.ndarray, length: int) -> tuple[np.ndarray, int]:
    """The tokens of a row, and i."""
    count = len(ids)
    places = random.randint(0, count, size=length)
    a, b = random.choice(np.arange(count), size=2, replace=False)
    i = random.randint(_EARLIEST, length // 2)
    places[i], places[i + 1] = a, b
    for token in (a, b):
        for k in np.flatnonzero(places == token):
            while k not in (i, i + 1) and places[k] in (token, a):
                places[k] = random.randint(0, count)
    places[-1] = a
    return ids[places], int(i)


def _controls(length: int) -> Int[Tensor, " control"]:
    """Distinct positions between the first token and those near the query, in the order drawn."""
    random = np.random.RandomState(0)
    last = length - 1
    avoided = {0, last, last - BEFORE, *(last - back for back in NEAR)}
    found: dict[int, None] = {}
    while len(found) < _CONTROLS:
        at = int(random.randint(1, last))
        if at not in avoided:
            found[at] = None
    return torch.tensor(list(found))
