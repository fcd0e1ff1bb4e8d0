"""Loss of every token, and how much the context helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.attention.forward import run
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.padding import Mask
from induction_kernels.inputs.probes import rows_of
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.restoring import without_gradients


def token_losses(
    model: object,
    tokens: Int[Tensor, "batch pos"],
    *,
    attention_mask: Mask | None = None,
    batch_size: int = 16,
) -> Float[Tensor, "batch pos-1"]:
    """L[i], the loss of predicting token i+1 from tokens 0..i, in nats, float32 on the CPU.

    Args:
        model: anything `as_model` accepts.
        tokens: ids [batch, pos] with pos ≥ 2, run as they stand: no BOS is added.
        attention_mask: 1 where there is a token and 0 where there is padding, before or after. Each
            row is run without its padding; L is NaN where either of its two tokens is padding.
        batch_size: rows at a time.

    Raises:
        ProbeError: wrong shape, ids outside the vocabulary, longer than the context, padding
            without a mask, a row of one token, or a batch_size below 1.
    """
    model = as_model(model)
    *_, losses = token_losses_by_steps(model, tokens, attention_mask, batch_size)
    return losses


def token_losses_by_steps(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    attention_mask: Mask | None = None,
    batch_size: int = 16,
    forward: Callable[[Model, Tensor], Output] | None = None,
) -> Iterator[Float[Tensor, "batch pos-1"]]:
    """`token_losses`: after every pass what is known, always in the same tensor, NaN elsewhere.

    Between two of them other weights may be put into the model and taken out again.

    Args:
        forward: the pass, for whoever reads something else off it. One that fails for want of
            memory is run again with fewer rows.
    """
    rows = rows_of(model, tokens, attention_mask)
    if int(rows.lengths.min()) < 2:
        raise ProbeError(
            f"Row {int(rows.lengths.argmin())} is one token, which has no next token to predict.",
            "Give at least two.",
        )
    everywhere = torch.full((len(rows.tokens), rows.tokens.shape[1] - 1), torch.nan)
    for own, columns in rows.by_length():
        tokens = rows.tokens[own, columns]
        for part, losses in in_batches(
            tokens, batch_size, partial(_losses, model, tokens, forward)
        ):
            everywhere[own[part], columns[part, :-1]] = losses
            yield everywhere


def _losses(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    forward: Callable[[Model, Tensor], Output] | None,
    part: slice,
) -> Float[Tensor, "part pos-1"]:
    return losses_of((forward or run)(model, tokens[part]), tokens[part], model.d_vocab)


def losses_of(
    output: Output, tokens: Int[Tensor, "batch pos"], d_vocab: int
) -> Float[Tensor, "batch pos-1"]:
    """Losses from a forward pass of `tokens`, in nats, float32 on the CPU."""
    batch, n = tokens.shape[0], tokens.shape[1] - 1
    targets = tokens[:, 1:].flatten().to(output.hidden.device)
    losses = torch.empty(batch * n, device=output.hidden.device)
    with without_gradients():
        for part, logits in output.rows(n, d_vocab):
            losses[part] = nn.functional.cross_entropy(logits, targets[part], reduction="none")
    return losses.view(batch, n).cpu()


def slope_by_log_position(
    curve: Float[Tensor, " position"], reach: float
) -> Float[Tensor, " position"]:
    """The slope of a curve over positions by the logarithm of the position, at each position.

    Args:
        curve: [position], such as mean losses in nats.
        reach: the slope at i is that of the least-squares line through the points whose
            ln(position + 1) is within `reach` of ln(i + 1), and at least through i's neighbours.

    Returns:
        [position] float32, in the curve's unit per unit of the natural logarithm; NaN for a curve
        of a single point.
    """
    n = len(curve)
    x = torch.arange(1, n + 1, dtype=torch.float64).log()
    y = curve.double().cpu()
    at = torch.arange(n)
    first = torch.minimum(torch.searchsorted(x, x - reach), at - 1).clamp(min=0)
    last = torch.maximum(torch.searchsorted(x, x + reach, right=True), at + 2).clamp(max=n)
    zero = torch.zeros(1, dtype=torch.float64)

    def total(values: Tensor) -> Tensor:
        sums = torch.cat([zero, values.cumsum(0)])
        return sums[last] - sums[first]

    count = (last - first).double()
    covariance = total(x * y) - total(x) * total(y) / count
    return (covariance / (total(x * x) - total(x) ** 2 / count)).float()


def in_context_learning_positions(n_ctx: int) -> tuple[int, int]:
    """The early and the late position compared: 50 and 500, or 0.05 and 0.49 of a short context."""
    return (50, 500) if n_ctx > 500 else (int(0.05 * n_ctx), int(0.49 * n_ctx))


def in_context_learning(losses: Float[Tensor, "batch predicted"], n_ctx: int) -> float:
    """Mean over examples of L[late] - L[early], in nats; negative is better (Olsson et al. 2022).

    Args:
        losses: what `token_losses` returns.
        n_ctx: the model's context length, which sets the positions
            (`in_context_learning_positions`).

    Raises:
        ProbeError: the texts are shorter than the late position, or one of them is padded there.
    """
    early, late = in_context_learning_positions(n_ctx)
    if losses.shape[1] <= late:
        raise ProbeError(
            f"The texts have {losses.shape[1]} losses; the score compares positions {early} and "
            f"{late}.",
            f"Give texts of at least {late + 2} tokens.",
        )
    change = losses[:, late] - losses[:, early]
    if not change.isfinite().all():
        row = int((~change.isfinite()).nonzero()[0])
        raise ProbeError(
            f"Row {row} has no loss at position {early} or {late}, which the score compares.",
            "Give rows without padding there, of a model whose losses are finite.",
        )
    return float(change.mean())
