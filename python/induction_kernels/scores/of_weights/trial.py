"""Whether a model does with its weights what is read of them, tried on a few tokens.

An adapter says which weights there are, not that nothing else is done: queries may be normalized
once more, what attention writes may be scaled, embeddings may be. Each token is given by itself,
where every head attends to it alone and no rotation turns it yet. So every step is a product of
weights, but for what is added to all tokens alike, which falls out of differences.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor, nn

from induction_kernels.attention.agreement import weights_state
from induction_kernels.attention.hugging_face import fused_by_interface
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.models.model import Model
from induction_kernels.restoring import remove, restoring
from induction_kernels.scores.of_weights.parts import Body, Parts, not_as_products

_TOKENS = 8


@dataclass(frozen=True)
class Trial:
    """What a model was seen to do.

    Attributes:
        embedding: what embeddings are multiplied by.
        wrong: why its weights do not say what it does; None where they do.
        writes: the same of what heads write alone, however they came to it.
        embeds: whether what enters the first layer is the embedding.
    """

    embedding: float = 1.0
    wrong: str | None = None
    writes: str | None = None
    embeds: bool = True


# Of modules with these weights. Weak: they can be freed.
_known: weakref.WeakKeyDictionary[nn.Module, tuple[int, Trial]]
_known = weakref.WeakKeyDictionary()


def scale_of_embedding(model: Model, parts: Parts) -> float:
    """What a model multiplies its embeddings by, once all that it does was seen to be read right.

    Raises:
        UnsupportedModelError: the model does something else with its weights.
    """
    trial = trial_of(model, parts)
    if trial.wrong is not None:
        raise not_as_products(model, trial.wrong)
    return trial.embedding


def trial_of(model: Model, parts: Parts) -> Trial:
    """Made now, unless it was and no weight has changed."""
    if parts.body is None:
        return Trial()
    module = parts.body.module
    known = _known.get(module)
    now = weights_state(module)
    if known is None or known[0] != now:
        with model.evaluating():
            known = _known[module] = now, _tried(model, parts, parts.body)
    return known[1]


def _tried(model: Model, parts: Parts, body: Body) -> Trial:
    seen = _Pass()
    tokens = torch.linspace(0, model.d_vocab - 1, _TOKENS, device=model.device).long()
    try:
        with _watched(body, seen):
            fused_by_interface(body.module).run(tokens[:, None], seen.attend, None)
    except DoesNotFitError as error:
        return Trial(wrong=str(error), writes=str(error))
    layers = range(body.layers)
    if set(seen.queries) != set(layers) or not all(f"norm {i}" in seen.given for i in layers):
        return Trial(wrong=(wrong := "not every layer attends"), writes=wrong)
    exact = parts.embed.dtype == torch.float32
    scale = _multiple(seen.given["norm 0"], parts.embed[tokens], exact)
    reads, writes = [], []
    for layer in layers:
        *reading, out = (weights.float() for weights in parts.heads(layer))
        writes.append(_wrongly_written(parts, seen, layer, out, exact))
        reads += [_wrongly_read(body, seen, layer, reading, exact), writes[-1]]
    unembedded = _normal(body.final_norm, seen.given["norm end"])
    if scale is None:
        reads.insert(0, "what enters the first layer is not the embedding")
    if _multiple(seen.given["unembed"], unembedded, exact) is None:
        reads.append("what is unembedded is not what the last norm gives")
    return Trial(
        embedding=1.0 if scale is None else scale,
        wrong=next(filter(None, reads), None),
        writes=next(filter(None, writes), None),
        embeds=scale is not None,
    )


def _wrongly_read(
    body: Body, seen: _Pass, layer: int, reading: list[Tensor], exact: bool
) -> str | None:
    """What a layer does beside multiplying what enters it by W_Q, W_K and W_V."""
    q, k, v = reading
    normal = _normal(body.norms[layer], seen.given[f"norm {layer}"])
    products = {
        "queries": (seen.queries[layer], q),
        "keys": (seen.keys[layer], k),
        "values": (seen.values[layer], v),
    }
    for name, (given, weights) in products.items():
        product = einsum(normal, weights, "row d_model, head d_model d_head -> row head d_head")
        multiple = _multiple(given, product, exact)
        # A score of queries and keys does not depend on how large they are.
        if multiple is None or (name == "values" and abs(multiple - 1) > _tolerance(exact)):
            return f"in layer {layer} it does more to {name} than multiply by weights"
    return None


def _wrongly_written(
    parts: Parts, seen: _Pass, layer: int, out: Float[Tensor, "head d_head d_model"], exact: bool
) -> str | None:
    """What becomes of what heads write beside being added to the stream."""
    wrote = einsum(seen.z[layer], out, "row head d_head, head d_head d_model -> row d_model")
    after = seen.given.get(f"norm {layer + 1}", seen.given["norm end"])
    added = after - seen.given[f"norm {layer}"]
    rests = [added, *(added - seen.made[name] for name in seen.of_mlp(layer))]
    # Of a sum with a larger one, as much is lost.
    lost = 4 * torch.finfo(parts.embed.dtype).eps * after.norm()
    if not any(_same(rest, wrote, exact, float(lost)) for rest in rests):
        return f"in layer {layer} what heads write is not added as it is"
    return None


def _normal(norm: Any, residual: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_model"]:
    """What a norm makes of it by itself, whatever hooks make of that."""
    like = next(norm.parameters(), residual)
    normal: Tensor = norm.forward(residual.to(like.dtype))
    return normal.float()


class _Pass:
    """A pass over single tokens.

    Attributes:
        given, made: what enters and leaves modules, [row, ...].
        queries, keys, values, z: of layers, [row, head, d_head].
    """

    def __init__(self) -> None:
        self.given: dict[str, Tensor] = {}
        self.made: dict[str, Tensor] = {}
        self.queries: dict[int, Tensor] = {}
        self.keys: dict[int, Tensor] = {}
        self.values: dict[int, Tensor] = {}
        self.z: dict[int, Tensor] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
        z, _ = attention(q, k, v, softmax)
        for kept, of in ((self.queries, q), (self.keys, k), (self.values, v), (self.z, z)):
            kept[layer] = of[:, :, -1].float()
        return z

    def keep(self, name: str, _module: nn.Module, inputs: Any, output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        for kept, of in ((self.given, inputs[0] if inputs else None), (self.made, output)):
            if isinstance(of, Tensor):
                kept[name] = of[:, -1].float() if of.ndim == 3 else of.float()

    def of_mlp(self, layer: int) -> list[str]:
        return [name for name in (f"mlp {layer}", f"mlp.out {layer}") if name in self.made]


@contextmanager
def _watched(body: Body, seen: _Pass) -> Iterator[None]:
    modules = {f"norm {layer}": norm for layer, norm in enumerate(body.norms)}
    modules["norm end"] = body.final_norm
    modules["unembed"] = body.module.get_output_embeddings()
    for layer in range(body.layers):
        for name in ("mlp", "mlp.out"):
            try:
                part = body.part(f"blocks.{layer}.{name}")
            except (AttributeError, ValueError):  # there is none of its own
                continue
            if part is not body.part(f"blocks.{layer}"):
                modules[f"{name} {layer}"] = part
    handles: list[Any] = []
    with restoring(lambda: remove(handles)):
        for name, module in modules.items():
            handles.append(module.register_forward_hook(partial(seen.keep, name)))
        yield


def _differences(of: Float[Tensor, "row ..."]) -> Float[Tensor, "row ..."]:
    return of.float() - of.float().mean(0)


def _multiple(found: Tensor, expected: Tensor, exact: bool) -> float | None:
    """The factor above 0 by which the differences of rows are those expected; None without one."""
    a, b = _differences(found), _differences(expected)
    if a.shape != b.shape:
        return None
    if not b.any():  # as where weights are 0
        return None if a.any() else 1.0
    factor = float((a * b).sum() / b.square().sum())
    return factor if factor > 0 and _same(found, factor * expected.float(), exact) else None


def _same(found: Tensor, expected: Tensor, exact: bool, lost: float = 0.0) -> bool:
    a, b = _differences(found), _differences(expected)
    # Rounding is of what is there, of which differences may be a small part.
    lost += 0.5 * (2**-23 if exact else 2**-7) * float(found.float().norm())
    return a.shape == b.shape and bool((a - b).norm() <= _tolerance(exact) * b.norm() + lost)


def _tolerance(exact: bool) -> float:
    return 1e-3 if exact else 5e-2
