"""Direct logit attribution: what each part of a model adds to the logit of one token.

The logit is linear in what is added to the residual stream, once the last norm divides by the
spread that it had. With y what a part writes at query q, s that spread and t a token,

    DLA[q, t] = (γ ⊙ y) · (W_U[:, t] − mean over the vocabulary of W_U) / s,

y less its mean where the norm is a LayerNorm, γ the norm's gain. The mean is taken off because a
constant added to all logits changes no prediction. Elhage et al. 2021 ("A Mathematical Framework
for Transformer Circuits"), nostalgebraist 2020 ("interpreting GPT: the logit lens"), Wang et al.
2022 ("Interpretability in the Wild").

What the number is not: an effect. It leaves out all that later layers make of what a part writes,
and it holds the spread fixed, which the part itself helped to make.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.models.model import Model
from induction_kernels.models.outputs import capped
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_outputs.stream import End, show_stream
from induction_kernels.scores.of_outputs.unembedding import Attributable, Unembedding, refused


@dataclass(frozen=True, eq=False)
class Attribution:
    """What the parts of a model add to logits, each less its mean over the vocabulary; float32 on
    the CPU.

    Attributes:
        heads: of their attention's output, with the bias of their values.
        out_bias: of b_O, which belongs to no head.
        mlps: with their biases; 0 where a layer has none.
        embedding: of the token.
        position: of the position's own embedding; 0 where a model has none.
        bias: of the last norm's bias and of the unembedding's.
        mean_logit: the mean over the vocabulary, which is taken off.
        cap: the model's own logits are cap tanh(x / cap) of these; None where they are these.
    """

    heads: Float[Tensor, "batch layer head query"]
    out_bias: Float[Tensor, "batch layer query"]
    mlps: Float[Tensor, "batch layer query"]
    embedding: Float[Tensor, "batch query"]
    position: Float[Tensor, "batch query"]
    bias: Float[Tensor, "batch query"]
    mean_logit: Float[Tensor, "batch query"]
    cap: float | None

    @property
    def logit(self) -> Float[Tensor, "batch query"]:
        """Of the target, less the mean: the sum of all parts."""
        of_layers = self.heads.sum((1, 2)) + self.out_bias.sum(1) + self.mlps.sum(1)
        return of_layers + self.embedding + self.position + self.bias


def attribute(
    model: Model,
    tokens: Int[Tensor, "batch pos"],
    targets: Int[Tensor, "batch query"],
    positions: Int[Tensor, " query"],
) -> Attribution:
    """What parts add to the logits of `targets` at `positions`, the same of every row.

    Raises:
        UnsupportedModelError: a model whose logits are no sum of what its parts write.
    """
    of = Attributable.of(model)
    with without_gradients():
        unembedding = Unembedding(of, positions.to(model.device))
        tally = _Tally(of, unembedding, targets.to(model.device))
        end = show_stream(model, of.parts, tokens, tally.enters, tally.gives)
        found = tally.attribution(end, tokens)
        _require_sum(model, found, end, targets, positions)
    return found


class _Tally:
    """What each part writes, read as soon as it is there: nothing of it is kept."""

    def __init__(
        self, of: Attributable, unembedding: Unembedding, targets: Int[Tensor, "batch query"]
    ) -> None:
        self._parts, self._trial = of.parts, of.trial
        self._unembedding, self._targets = unembedding, targets
        self._directions = unembedding.directions(targets)
        self._heads: list[Float[Tensor, "batch head query"]] = []
        self._changes: list[Float[Tensor, "batch query"]] = []
        self._first: Tensor | None = None
        self._stream: Tensor | None = None

    def enters(self, _layer: int, stream: Float[Tensor, "batch pos d_model"]) -> None:
        here = stream[:, self._unembedding.positions].float()
        if self._stream is None:
            self._first = here
        else:
            self._changes.append(self._along(here - self._stream))
        self._stream = here

    def gives(self, layer: int, z: Float[Tensor, "batch head pos d_head"]) -> None:
        *_, out = self._parts.heads(layer)
        reads = einsum(
            self._directions, out.float(),
            "batch query d_model, head d_head d_model -> batch head query d_head",
        )  # fmt: skip
        self._heads.append((z[:, :, self._unembedding.positions].float() * reads).sum(-1))

    def attribution(self, end: End, tokens: Int[Tensor, "batch pos"]) -> Attribution:
        self.enters(len(self._heads), end.stream)
        assert self._first is not None
        spread = self._unembedding.inverse_spread(end)
        heads = torch.stack(self._heads, 1)
        biases = torch.stack([self._of_out_bias(layer) for layer in range(heads.shape[1])], 1)
        rests = torch.stack(self._changes, 1) - heads.sum(2) - biases
        mlps = rests if self._parts.mlps else torch.zeros_like(rests)  # but for rounding
        embedding = self._along(self._first)
        of_tokens = self._of_tokens(tokens)
        token = embedding if of_tokens is None else of_tokens
        found = {
            "heads": heads * spread[:, None, None],
            "out_bias": biases * spread[:, None],
            "mlps": mlps * spread[:, None],
            "embedding": token * spread,
            "position": (embedding - token) * spread,
            "bias": self._unembedding.bias(self._targets),
            "mean_logit": self._unembedding.mean_logit(end),
        }
        return Attribution(**{name: of.cpu() for name, of in found.items()}, cap=end.output.cap)

    def _along(self, written: Float[Tensor, "batch query d_model"]) -> Float[Tensor, "batch query"]:
        return (written * self._directions).sum(-1)

    def _of_out_bias(self, layer: int) -> Float[Tensor, "batch query"]:
        bias = self._parts.out_bias(layer)
        if bias is None:
            return torch.zeros_like(self._directions[..., 0])
        return self._directions @ bias.float()

    def _of_tokens(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch query"] | None:
        """Of the embedding of tokens alone; None where nothing else enters the first layer, or it
        cannot be told apart."""
        if self._parts.rotary or not self._trial.embeds:
            return None
        here = tokens.to(self._directions.device)[:, self._unembedding.positions]
        return self._along(self._trial.embedding * self._parts.embed[here].float())


def _require_sum(
    model: Model,
    found: Attribution,
    end: End,
    targets: Int[Tensor, "batch query"],
    positions: Int[Tensor, " query"],
) -> None:
    """Refuse parts that do not sum to the model's own logits, looked at where a row is last asked.

    Raises:
        UnsupportedModelError: they do not.
    """
    own = end.output.unembed(end.output.hidden[:, int(positions[-1])]).float().cpu()
    expected = own.gather(-1, targets[:, -1:])[:, 0]
    summed = capped(found.logit + found.mean_logit, found.cap)[:, -1]
    parts = (found.heads, found.out_bias, found.mlps)
    size = sum(part[..., -1].abs().flatten(1).sum(1) for part in parts)
    size += found.embedding[:, -1].abs() + found.mean_logit[:, -1].abs()
    tolerance = 1e-4 if model.dtype == torch.float32 else 5e-2
    off = (summed - expected).abs()
    if not bool((off <= tolerance * size).all()) and bool(expected.isfinite().all()):
        row = int(off.nan_to_num(torch.inf).argmax())
        raise refused(
            model,
            f"its parts sum to {float(summed[row]):.4g}, and its own logit is "
            f"{float(expected[row]):.4g}",
        )
