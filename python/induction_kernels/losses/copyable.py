"""Which tokens of a text could be had by copying: what tells induction from in-context learning."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from induction_kernels.errors import ProbeError
from induction_kernels.inputs.padding import Mask, Rows


def copyable(
    tokens: Int[Tensor, "row pos"], *, attention_mask: Mask | None = None
) -> Bool[Tensor, "row pos-1"]:
    """Whether a perfect induction head would predict token i+1: token i stood before it earlier.

    Position i is copyable where some earlier j of the row has x[j] = x[i] and x[j+1] = x[i+1]. It
    is aligned with L[i] of `token_losses`. That a token is copyable does not say that a model
    copies it: a common pair may be known by heart. Where several tokens followed x[i] before, any
    of them counts. Hapax leaves out of its loss what induction would predict (Sahin et al. 2025).

    Args:
        tokens: ids [row, pos] with pos ≥ 2. A row's BOS is a token like others.
        attention_mask: 1 where there is a token and 0 where there is padding, before or after;
            what is padding is not copyable.

    Returns:
        bool on the CPU.

    Raises:
        ProbeError: another shape, rows of one token, or a mask that does not fit.
    """
    tokens = torch.as_tensor(tokens).cpu()
    if tokens.ndim != 2 or tokens.shape[1] < 2:
        raise ProbeError(
            f"Tokens of shape {tuple(tokens.shape)} were given.",
            "Give token ids [row, pos], with at least two in a row.",
        )
    pairs = tokens[:, :-1] * (int(tokens.max()) + 1) + tokens[:, 1:]
    if attention_mask is not None:
        rows = Rows.masked(tokens, torch.as_tensor(attention_mask))
        place = torch.arange(pairs.shape[1])
        whole = (place >= rows.starts[:, None]) & (
            place < (rows.starts + rows.lengths - 1)[:, None]
        )
        pairs = torch.where(whole, pairs, -1 - place)  # each like no other
    ordered, order = pairs.sort(dim=1, stable=True)
    again = torch.zeros_like(pairs, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return torch.zeros_like(again).scatter(1, order, again)
