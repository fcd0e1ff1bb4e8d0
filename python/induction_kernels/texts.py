"""Text on which losses and natural-text scores are measured: fixed once, the same for everyone.

The default is held-out text of the bundled series' corpus, the Python standard library's sources,
which every machine has. It differs a little between Python versions; its hash tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.models import Model
from induction_kernels.probes import check_tokens
from induction_kernels.tokenization import encode

#: Tokens of a default row, BOS included; a longer context would cost more and show little more.
LONGEST = 512
ROWS = 256


@dataclass(frozen=True, eq=False)
class TextProbe:
    """Rows of text, all of one length.

    Attributes:
        tokens: [row, pos], BOS first where the model has one.
        origin: where the text is from, in words.
        packed: rows may begin anywhere in a document, so position 50 of a row is not position 50
            of a document.
    """

    tokens: Int[Tensor, "row pos"]
    origin: str
    packed: bool

    @classmethod
    def of(cls, model: Model, texts: Texts | None) -> TextProbe:
        """Texts in any form that a caller may give; None is the default text.

        Raises:
            ProbeError: they cannot be read, or not by this model.
        """
        if texts is None:
            return cls.default(model)
        if isinstance(texts, TextProbe):
            check_tokens(model, texts.tokens)
            return texts
        if isinstance(texts, Tensor | np.ndarray):
            return cls.of_tokens(model, torch.as_tensor(texts))
        rows = [texts] if isinstance(texts, str) else list(texts)
        strings = [row for row in rows if isinstance(row, str)]
        if len(strings) == len(rows):
            return cls.of_texts(model, strings)
        lists = [row for row in rows if isinstance(row, list | tuple)]
        if len(lists) == len(rows):
            return cls.of_tokens(model, _square(lists))
        odd = next(row for row in rows if not isinstance(row, str))
        raise ProbeError(
            f"Among the texts is one of type {type(odd).__name__}.",
            "Give strings (of a dataset, its column of text), or rows of token ids.",
        )

    @classmethod
    def default(cls, model: Model, rows: int = ROWS, longest: int = LONGEST) -> TextProbe:
        """Held-out text of the bundled series, as this model's tokenizer reads it.

        Args:
            longest: tokens of a row, BOS included, where the context allows.

        Raises:
            ProbeError: a model without tokenizer.
        """
        if model.tokenizer is None:
            raise ProbeError(
                f"{model.name} has no tokenizer, so text cannot be read.",
                "Pass the tokenizer with the model, or token ids of your own.",
            )
        lead = [] if model.bos_id is None else [model.bos_id]
        length = min(longest, model.n_ctx) - len(lead)
        ids: list[int] = []
        for text in _heldout_texts():
            ids += encode(model.tokenizer, text)
            if len(ids) >= 4 * rows * length:
                break
        count = len(ids) // length
        stream = torch.tensor(ids[: count * length]).reshape(count, length)
        # Spread evenly over the text.
        chosen = stream[torch.linspace(0, count - 1, min(rows, count)).long()]
        return cls(_after(lead, chosen), "held-out Python standard library", packed=True)

    @classmethod
    def of_texts(cls, model: Model, texts: Iterable[str]) -> TextProbe:
        """A caller's own texts, one a row, cut to the length of the shortest.

        Raises:
            ProbeError: no texts, one of fewer than two tokens, or a model without tokenizer.
        """
        if model.tokenizer is None:
            raise ProbeError(
                f"{model.name} has no tokenizer, so text cannot be read.",
                "Pass the tokenizer with the model, or token ids of your own.",
            )
        read = [encode(model.tokenizer, text) for text in texts]
        if not read:
            raise ProbeError("No texts were given.", "Give at least one.")
        short = min(range(len(read)), key=lambda i: len(read[i]))
        lead = [] if model.bos_id is None else [model.bos_id]
        length = min(len(read[short]), model.n_ctx - len(lead))
        if length < 2:
            raise ProbeError(
                f"Text {short} has {len(read[short])} tokens.", "Give texts of at least two."
            )
        rows = torch.tensor([ids[:length] for ids in read])
        return cls(_after(lead, rows), f"{len(read)} texts of your own", packed=False)

    @classmethod
    def of_tokens(cls, model: Model, tokens: Int[Tensor, "row pos"]) -> TextProbe:
        """A caller's own token ids, run as they stand.

        Raises:
            ProbeError: wrong shape, padding, ids outside the vocabulary, or too long.
        """
        tokens = check_tokens(model, torch.as_tensor(tokens).cpu())
        return cls(tokens, "token ids of your own", packed=False)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.tokens.contiguous().numpy().tobytes()).hexdigest()[:16]

    def provenance(self) -> dict[str, str | int]:
        """What has to be known of the text to repeat a number."""
        rows, length = self.tokens.shape
        return {
            "text": self.origin,
            "text_rows": rows,
            "text_length": length,
            "text_packed": int(self.packed),
            "text_hash": self.hash,
        }


#: What a caller may give as text: strings (a list, a column of a dataset), or token ids.
Texts = TextProbe | Iterable[str] | Sequence[Sequence[int]] | Int[Tensor, "row pos"] | np.ndarray


def _square(rows: Sequence[Sequence[int]]) -> Int[Tensor, "row pos"]:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ProbeError(
            f"The rows of token ids have {min(lengths)} to {max(lengths)} tokens.",
            "Cut them to one length; padding is not supported.",
        )
    try:
        return torch.tensor(rows)
    except (TypeError, ValueError) as error:
        raise ProbeError(
            f"The rows hold something else than token ids: {error}.", "Give whole numbers."
        ) from error


@cache
def _heldout_texts() -> tuple[str, ...]:
    from induction_kernels.demo.corpus import texts

    return tuple(texts(heldout=True))


def _after(lead: list[int], rows: Tensor) -> Int[Tensor, "row pos"]:
    return torch.cat([torch.tensor(lead, dtype=torch.long).expand(len(rows), -1), rows], dim=1)
