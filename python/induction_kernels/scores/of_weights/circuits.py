"""What the weights of a head say it does: copying, matching, composing with earlier heads.

Residual streams are rows: a head scores key x̂ for query ŷ as ŷ W_Q W_Kᵀ x̂ᵀ and writes x̂ W_V
W_O. W_QK = W_Q W_Kᵀ and W_OV = W_V W_O are multiplied out only where sums over heads need it, and
nothing is ever as large as the vocabulary squared. Norms are folded in (`head_weights`).
Definitions: Elhage et al. 2021 ("A Mathematical Framework for Transformer Circuits") and Olsson
et al. 2022 ("In-context Learning and Induction Heads", appendix). Rotary models turn queries and
keys by their position between W_Q and W_K; `qk_trace` and `k_composition` leave the rotation out,
so there they are approximate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.inputs.batches import in_batches
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.restoring import remove, restoring, without_gradients
from induction_kernels.scores.of_weights.head_weights import HeadWeights

#: Rows of the vocabulary at a time.
_CHUNK = 8192
_PRODUCT = "read d_model, head d_model d_head -> head read d_head"
_PAIRS = "head rank d_model, to_head to_rank d_model -> head rank to_head to_rank"

#: Pairs of random heads behind the baseline of composition.
_RANDOM_PAIRS = 16


def ov_copying(model: object) -> Float[Tensor, "layer head"]:
    """Σ Re λ / Σ |λ| over the eigenvalues λ of W_E W_OV W_U, float32 on the CPU.

    From -1 to 1: 1 if every direction of token space is written back as itself, 0 for a head that
    writes nothing. W_U is less its mean over the vocabulary, which changes no prediction; norms are
    folded in (`head_weights`). Eigenvalues other than 0 are those of W_O W_U W_E W_V, which is
    d_head x d_head. Elhage et al. 2021; Olsson et al. 2022.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """
    with without_gradients():
        weights = HeadWeights(as_model(model))
        of_parts = (
            weights.unembedding(part).T @ weights.embedding(part) for part in _chunks(weights)
        )
        through_tokens = sum(of_parts, start=torch.zeros(()))
        rows = []
        for index in range(weights.shape.layers):
            layer = weights.layer(index)
            small = einsum(
                layer.W_O, through_tokens, layer.W_V,
                "head d_head written, written read, head read d_head_too -> head d_head d_head_too",
            )  # fmt: skip
            rows.append(_share_of_positive(small.cpu().double()))
        return torch.stack(rows).float()


def _share_of_positive(square: Float[Tensor, "head d d"]) -> Float[Tensor, " head"]:
    """Σ Re λ / Σ |λ|; NaN where a matrix has one, which LAPACK would not take."""
    finite = square.isfinite().all(-1).all(-1)
    eigenvalues = torch.linalg.eigvals(square.nan_to_num(0, 0, 0))
    size = eigenvalues.abs().sum(-1)
    share = torch.where(size == 0, 0, eigenvalues.real.sum(-1) / size)
    return torch.where(finite, share, torch.nan)


def copying_tokens(model: Model, seed: int = 0) -> Int[Tensor, "row pos"]:
    """What `copying` is measured on: 10 rows of 25 distinct random tokens, without BOS.

    Fewer where the context or the vocabulary is smaller. Olsson et al. leave out the most and the
    least common tokens; here all that are not special take part, because no model says which are
    common.
    """
    probe = RepeatedTokens.make(model, period=25, copies=1, seed=seed)
    return probe.tokens[:, probe.lead :]


def copying(
    model: object, seed: int = 0, *, tokens: Int[Tensor, "row pos"] | None = None
) -> Float[Tensor, "layer head"]:
    """How far a head raises the logit of the token it attends to above others; float32, CPU.

    On a row of n distinct tokens t, with A the pattern the head has on it and x̂ₖ the normalized
    residual stream before its layer, attending to position k writes l_k[j] = x̂ₖ W_V W_O W_U[:, tⱼ]
    to the logit of tⱼ, on the direct path, less the mean over the vocabulary. What is raised is
    R_k[j] = max(0, l_k[j]), and position k counts with wₖ = Σ_q A[q, k], the attention paid to it:

        attended = Σₖ wₖ R_k[k],   all = Σₖ wₖ Σⱼ R_k[j],   r = attended / (attended + all)

    The score is the mean over rows of 4r - 1. Olsson et al. say that r goes from 0 (only other
    tokens are raised) to 0.5 (only the attended one), which attended / (attended + all) does; so
    the score goes from -1 to 1. A head that raises all n tokens alike gets 4 / (n + 1) - 1, far
    below 0, and so does one that raises nothing: that is chance. Each position is scored for
    itself, not the sum over positions, so that wide attention does not lower it; `copying_output`
    scores the sum, as Olsson et al. do.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """

    def shares(
        values: Float[Tensor, "row head key d_head"],
        pattern: Float[Tensor, "row head query key"],
        to_logits: Float[Tensor, "row head d_head token"],
    ) -> Float[Tensor, "row head"]:
        raised = (values @ to_logits).clamp(min=0)
        paid = pattern.sum(2)
        attended = (paid * raised.diagonal(dim1=-2, dim2=-1)).sum(-1)
        return _share_attended(attended, (paid * raised.sum(-1)).sum(-1), raised.shape[-1])

    return _copying(as_model(model), seed, tokens, shares)


def copying_output(
    model: object, seed: int = 0, *, tokens: Int[Tensor, "row pos"] | None = None
) -> Float[Tensor, "layer head"]:
    """`copying` of what a head writes in all, as Olsson et al. 2022 have it; float32, CPU.

    At query q the head writes y_q = Σₖ A[q, k] x̂ₖ W_V W_O, which raises the logits of the row's
    tokens by R_q[j] = max(0, y_q W_U[:, tⱼ]), less the mean over the vocabulary:

        attended = Σ_q Σₖ A[q, k] R_q[k],   all = Σ_q Σⱼ R_q[j],   r = attended / (attended + all)

    The score is the mean over rows of 4r - 1, with the range and the chance level of `copying`.
    Even a head that copies whatever it sees gets to 1 only where it attends to one token at a time.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """

    def shares(
        values: Float[Tensor, "row head key d_head"],
        pattern: Float[Tensor, "row head query key"],
        to_logits: Float[Tensor, "row head d_head token"],
    ) -> Float[Tensor, "row head"]:
        raised = (pattern @ values @ to_logits).clamp(min=0)
        return _share_attended(
            (pattern * raised).sum((-2, -1)), raised.sum((-2, -1)), raised.shape[-1]
        )

    return _copying(as_model(model), seed, tokens, shares)


def _share_attended(attended: Tensor, everything: Tensor, n: int) -> Tensor:
    """r; where nothing is raised, what raising all n tokens alike gives, however little."""
    return torch.where(everything == 0, 1 / (n + 1), attended / (attended + everything))


def _copying(
    model: Model,
    seed: int,
    tokens: Int[Tensor, "row pos"] | None,
    shares: Callable[[Tensor, Tensor, Tensor], Float[Tensor, "row head"]],
) -> Float[Tensor, "layer head"]:
    """Mean over rows of 4r - 1, r what `shares` makes of values, pattern and W_O W_U[:, t]."""
    tokens = copying_tokens(model, seed) if tokens is None else tokens
    run = partial(_copying_of_part, model, tokens, shares)
    parts = [of_part for _, of_part in in_batches(tokens, len(tokens), run)]
    return torch.cat(parts).mean(0)


def _copying_of_part(
    model: Model,
    tokens: Int[Tensor, "row pos"],
    shares: Callable[[Tensor, Tensor, Tensor], Float[Tensor, "row head"]],
    part: slice,
) -> Float[Tensor, "part layer head"]:
    weights, here = HeadWeights(model), tokens[part]
    scores = torch.zeros(len(here), model.n_layers, model.n_heads)
    residual: list[Tensor] = []

    def remember(_module: object, args: tuple[Tensor, ...]) -> None:
        residual[:] = args[:1]

    def read(index: int, pattern: Tensor, _scores: Tensor | None) -> None:
        layer, normal = weights.layer(index), weights.norms[index](residual[0])
        values = einsum(
            normal, layer.W_V, "row key d_model, head d_model d_head -> row head key d_head"
        )
        unembedding = weights.unembedding(here.to(normal.device))
        to_logits = einsum(
            layer.W_O, unembedding,
            "head d_head d_model, row token d_model -> row head d_head token",
        )  # fmt: skip
        scores[:, index] = (4 * shares(values, pattern.float(), to_logits) - 1).cpu()

    hooks: list[Any] = []
    with restoring(lambda: remove(hooks)):
        hooks.extend(norm.register_forward_pre_hook(remember) for norm in weights.norm_modules)
        visit_attention(model, here, read)
    return scores


def qk_trace(
    model: object, previous_token: Float[Tensor, "layer head"]
) -> Float[Tensor, "layer head"]:
    """tr(Σ_e p_e W_E W_QK (W_OV^e)ᵀ W_Eᵀ) over the heads e of earlier layers; float32 on the CPU.

    How much more a head attends to a key whose previous token, as heads e moved it there, is the
    query's own: prefix matching by weights alone. p_e says how much e attends to the previous
    token. Unbounded; 0 in layer 0, where there is no earlier head. Rotation is left out. Olsson et
    al. 2022, "trace of QK eigenvalues".

    Args:
        previous_token: p_e, as the score previous_token gives it.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """
    with without_gradients():
        weights = HeadWeights(as_model(model))
        tokens = torch.stack([e.T @ e for e in map(weights.embedding, _chunks(weights))]).sum(0)
        moved = torch.zeros_like(tokens)  # Σ_e p_e W_OV^e
        rows = []
        for index in range(weights.shape.layers):
            layer = weights.layer(index)
            queries = einsum(tokens, layer.W_Q, _PRODUCT)
            keys = einsum(moved, layer.W_K, _PRODUCT)
            rows.append((queries * keys).sum((1, 2)).cpu())
            p = previous_token[index].to(moved)[:, None, None]
            moved += einsum(
                p * layer.W_V, layer.W_O, "head read d_head, head d_head written -> read written"
            )
        return torch.stack(rows)


class KComposition(NamedTuple):
    """How much of what an earlier head writes a later head's keys read.

    Attributes:
        pairs: above the baseline; NaN where `from` is in no earlier layer than `to`.
        baseline: what random heads of the same shape get on average.
    """

    pairs: Float[Tensor, "from_layer from_head to_layer to_head"]
    baseline: float

    def best(self) -> Float[Tensor, "layer head"]:
        """Of every head the largest over the heads of earlier layers; 0 in layer 0."""
        best = torch.zeros(self.pairs.shape[2:])
        for layer in range(1, len(best)):
            best[layer] = self.pairs[:layer, :, layer].amax((0, 1))
        return best


def k_composition(model: object, seed: int = 0) -> KComposition:
    """|W_OV^from (W_QK^to)ᵀ| / (|W_OV^from| |W_QK^to|) of all pairs, less that of random heads.

    Norms are Frobenius'. The ratio goes from 0 to 1 and is 0 for a head without weights; random
    heads get about 1/√d_model, whatever d_head is. Rotation is left out. Elhage et al. 2021.
    float32 on the CPU.

    Args:
        seed: of the random heads.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """
    with without_gradients():
        model = as_model(model)
        weights = HeadWeights(model)
        shape, n_heads = weights.shape, weights.shape.heads
        pairs = torch.full(2 * (shape.layers, n_heads), torch.nan)
        earlier: list[tuple[Tensor, Tensor]] = []
        for to in range(shape.layers):
            layer = weights.layer(to)
            reads, reads_norm = _shrunk(layer.W_Q, layer.W_K.mT)
            for index, (writes, writes_norm) in enumerate(earlier):
                product = einsum(writes, reads, _PAIRS)
                norms = writes_norm[:, None] * reads_norm
                ratio = product.square().sum((1, 3)).sqrt() / norms
                pairs[index, :, to] = torch.where(norms == 0, 0, ratio).cpu()
            earlier.append(_shrunk(layer.W_V, layer.W_O))
        baseline = random_k_composition(shape.d_model, shape.d_head, seed)
        return KComposition(pairs - baseline, baseline)


def _shrunk(
    tall: Float[Tensor, "head d_model d_head"], wide: Float[Tensor, "head d_head d_model"]
) -> tuple[Float[Tensor, "head rank d_model"], Float[Tensor, " head"]]:
    """R·wide, where tall = Q·R, and its norm: the norm of tall·wide, because Q only turns, and so
    it stays whatever both are multiplied by from the right. Its rank is at most d_head."""
    small = torch.linalg.qr(tall, mode="r").R @ wide
    return small, small.square().sum((1, 2)).sqrt()


@cache
def random_k_composition(d_model: int, d_head: int, seed: int = 0) -> float:
    """The mean ratio over pairs of heads with normally distributed weights."""
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(_RANDOM_PAIRS):
        v, o, q, k = torch.randn(4, 1, d_model, d_head, generator=generator)
        (writes, writes_norm), (reads, reads_norm) = _shrunk(v, o.mT), _shrunk(q, k.mT)
        total += float(torch.linalg.norm(writes[0] @ reads[0].T) / (writes_norm * reads_norm))
    return total / _RANDOM_PAIRS


def _chunks(weights: HeadWeights) -> list[slice]:
    return [slice(i, i + _CHUNK) for i in range(0, weights.shape.d_vocab, _CHUNK)]
