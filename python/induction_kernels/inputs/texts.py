"""Text on which losses and natural-text scores are measured: fixed once, the same for everyone.

The default is held-out text of the bundled series' corpus, the Python standard library's prose,
which every machine has. It differs a little between Python versions; its hash tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.inputs.padding import GIVE_ROWS, Mask, mask_of
from induction_kernels.inputs.probes import rows_of
from induction_kernels.inputs.text_size import LONGEST, ROWS
from induction_kernels.inputs.tokenization import encode
from induction_kernels.models.model import Model


@dataclass(frozen=True, eq=False)
class TextProbe:
    """Rows of text.

    Attributes:
        tokens: [row, pos], BOS first where the model has one.
        origin: where the text is from, in words.
        packed: rows may begin anywhere in a document, so position 50 of a row is not position 50
            of a document.
        lengths: of each row, after which it is padding; None where all are full.
    """

    tokens: Int[Tensor, "row pos"]
    origin: str
    packed: bool
    lengths: Int[Tensor, " row"] | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        texts: Texts | None,
        attention_mask: Mask | None = None,
        *,
        padding: str = GIVE_ROWS,
    ) -> TextProbe:
        """Texts in any form that a caller may give; None is the default text.

        Args:
            attention_mask: of token ids: 1 where there is a token and 0 where there is padding.
            padding: what to do about it where there is no mask, for the error.

        Raises:
            ProbeError: they cannot be read, or not by this model; a mask of what are no token ids.
        """
        ids_or_texts = None if isinstance(texts, TextProbe | None) else _ids_or_texts(texts)
        if isinstance(ids_or_texts, Tensor):
            return cls.of_tokens(model, ids_or_texts, attention_mask, padding=padding)
        if attention_mask is not None:
            raise ProbeError(
                "attention_mask= was given without token ids.", "Text has no padding: leave it out."
            )
        if isinstance(texts, TextProbe):
            rows_of(model, texts.tokens, texts.attention_mask)
            return texts
        return cls.default(model) if ids_or_texts is None else cls.of_texts(model, ids_or_texts)

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
        from induction_kernels.inputs import corpus

        lead = [] if model.bos_id is None else [model.bos_id]
        length = min(longest, model.n_ctx) - len(lead)
        ids: list[int] = []
        for text in corpus.texts(heldout=True):
            ids += encode(model, text)
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
        read = [encode(model, text) for text in texts]
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
    def of_tokens(
        cls,
        model: Model,
        tokens: Int[Tensor, "row pos"],
        attention_mask: Mask | None = None,
        *,
        padding: str = GIVE_ROWS,
    ) -> TextProbe:
        """A caller's own token ids, run as they stand, without what the mask hides.

        Raises:
            ProbeError: wrong shape, padding without a mask, ids outside the vocabulary, or too
                long.
        """
        rows = rows_of(model, tokens, attention_mask, padding=padding)
        full = len(rows.lengths.unique()) == 1
        return cls(
            rows.flush(),
            "token ids of your own",
            packed=False,
            lengths=None if full else rows.lengths,
        )

    @property
    def attention_mask(self) -> Bool[Tensor, "row pos"]:
        rows, longest = self.tokens.shape
        return mask_of(
            torch.full((rows,), longest) if self.lengths is None else self.lengths, longest
        )

    def first(self, rows: int) -> TextProbe:
        """The first rows only."""
        lengths = None if self.lengths is None else self.lengths[:rows]
        return replace(self, tokens=self.tokens[:rows], lengths=lengths)

    @property
    def hash(self) -> str:
        digest = hashlib.sha256(self.tokens.contiguous().numpy().tobytes())
        if self.lengths is not None:
            digest.update(self.lengths.numpy().tobytes())
        return digest.hexdigest()[:16]

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


def _ids_or_texts(texts: Iterable[Any]) -> Int[Tensor, "..."] | list[str]:
    if isinstance(texts, Tensor | np.ndarray):
        return torch.as_tensor(texts)
    rows = [texts] if isinstance(texts, str) else list(texts)
    strings = [row for row in rows if isinstance(row, str)]
    if len(strings) == len(rows):
        return strings
    lists = [row for row in rows if isinstance(row, list | tuple)]
    if len(lists) == len(rows):
        return _square(lists)
    odd = next(row for row in rows if not isinstance(row, str))
    raise ProbeError(
        f"Among the texts is one of type {type(odd).__name__}.",
        "Give strings (of a dataset, its column of text), or rows of token ids.",
    )


def _square(rows: Sequence[Sequence[int]]) -> Int[Tensor, "row pos"]:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ProbeError(
            f"The rows of token ids have {min(lengths)} to {max(lengths)} tokens.",
            "Cut them to one length.",
        )
    try:
        return torch.tensor(rows)
    except (TypeError, ValueError) as error:
        raise ProbeError(
            f"The rows hold something else than token ids: {error}.", "Give whole numbers."
        ) from error


def _after(lead: list[int], rows: Tensor) -> Int[Tensor, "row pos"]:
    return torch.cat([torch.tensor(lead, dtype=torch.long).expand(len(rows), -1), rows], dim=1)
