"""Forward passes in which some heads give something else than they would.

What a head gives is z, its pattern times its values, before W_O. It is replaced where fused
attention hands it over, so that no hook is set and no weight is touched. Patterns can be kept as
they were: then every layer attends with the queries and keys of the pass that nothing changed.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from induction_kernels.attention.agreement import weights_state
from induction_kernels.attention.interface import Attend
from induction_kernels.attention.kernels import Softmax, attend_plainly, attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.reach import way_to
from induction_kernels.attention.trunk import Trunk
from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.errors import SelectionError, UnsupportedModelError
from induction_kernels.models.model import Model, refuse_without_attention
from induction_kernels.models.outputs import Output

Head = tuple[int, int]
#: A head to what it gives instead: broadcast against [batch, pos, d_head].
Replacements = dict[Head, Tensor]


# Of modules with these weights, above which layers a pass can begin. Weak: they can be freed.
_sound: weakref.WeakKeyDictionary[nn.Module, tuple[int, dict[int, bool]]]
_sound = weakref.WeakKeyDictionary()


@dataclass(eq=False)
class Clean:
    """A pass in which nothing was changed, and what it left for passes to come.

    Attributes:
        z: each layer's heads' outputs [batch, head, pos, d_head].
        queries_keys: each layer's, after rotation.
    """

    output: Output
    trunk: Trunk
    z: dict[int, Float[Tensor, "batch head pos d_head"]] = field(default_factory=dict)
    queries_keys: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


class Intervener:
    """Runs one model on the same tokens again and again, with other heads replaced.

    Raises:
        UnsupportedModelError: a model whose attention is not computed by fused attention.
    """

    def __init__(self, model: Model, tokens: Int[Tensor, "batch pos"]) -> None:
        self.model = model
        self.tokens = tokens.to(model.device)
        self.clean = self._pass_clean()

    def run(
        self,
        replaced: Replacements,
        *,
        frozen: bool = False,
        read: Callable[[LayerAttention], None] | None = None,
    ) -> Output:
        """A pass with these heads replaced, from the lowest of their layers on.

        Args:
            frozen: every layer attends as it did with nothing replaced.
            read: shown each layer's attention that is run.
        """
        lowest = min((layer for layer, _ in replaced), default=0)
        attend = partial(self._attend, replaced, read, frozen)
        return self._run(attend, self._trunk_above(lowest))

    def _attend(
        self,
        replaced: Replacements,
        read: Callable[[LayerAttention], None] | None,
        frozen: bool,
        layer: int,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        softmax: Softmax,
    ) -> Tensor:
        if frozen:
            q, k = self.clean.queries_keys[layer]
        z, lse = attention(q, k, v, softmax)
        if read is not None:
            read(LayerAttention(layer, q, k, lse, softmax))
        instead = {head: value for (at, head), value in replaced.items() if at == layer}
        if instead:
            z = z.clone()
            for head, value in instead.items():
                z[:, head] = value.to(z)
        return z

    def attention_at(self, layer: int, replaced: Replacements) -> LayerAttention:
        """How a layer attends with heads of earlier ones replaced; those after it are not run."""
        reached: list[LayerAttention] = []

        def read(attention: LayerAttention) -> None:
            if attention.layer == layer:
                reached.append(attention)
                raise _ReachedError

        with suppress(_ReachedError):
            self.run(replaced, read=read)
        return reached[0]

    def _trunk_above(self, layer: int) -> Trunk:
        """What is known below the layer, if more than that never reaches it; else nothing."""
        trunk = self.clean.trunk.above(layer)
        if trunk.start == 0 or way_to(self.model).fused().by_residual:
            return trunk
        state, sound = _sound.get(self.model.module, (0, {}))
        if state != (now := weights_state(self.model.module)):
            _sound[self.model.module] = now, (sound := {})
        if layer not in sound:
            sound[layer] = self._ends_as_clean(trunk)
        return trunk if sound[layer] else Trunk()

    def _ends_as_clean(self, trunk: Trunk) -> bool:
        """Whether a pass from here on, with nothing replaced, ends as the whole pass did."""
        try:
            hidden = self._run(attend_plainly, trunk).hidden
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - it misses what the layers below would have left
            return False
        clean = self.clean.output.hidden
        off = (hidden - clean).abs().masked_fill(~hidden.isfinite() & ~clean.isfinite(), 0)
        tolerance = 1e-5 if clean.dtype == torch.float32 else 2e-2
        return bool(off.max() <= tolerance * clean.nan_to_num(0, 0, 0).abs().max())

    def _pass_clean(self) -> Clean:
        z: dict[int, Tensor] = {}
        queries_keys: dict[int, tuple[Tensor, Tensor]] = {}

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, softmax: Softmax) -> Tensor:
            z[layer], _ = attention(q, k, v, softmax)
            queries_keys[layer] = q, k
            return z[layer]

        trunk = Trunk()
        output = self._run(attend, trunk)
        return Clean(output, trunk, z, queries_keys)

    def _run(self, attend: Attend, trunk: Trunk) -> Output:
        try:
            with self.model.evaluating():
                return way_to(self.model).fused().run(self.tokens, attend, trunk)
        except DoesNotFitError as error:
            raise UnsupportedModelError(
                f"Heads of {self.model.name} cannot be replaced: {error}.",
                "Pass the Hugging Face model, or a TransformerBridge without hooks that is not "
                "folded.",
            ) from error


class _ReachedError(Exception):
    """Nothing more is needed of a pass."""


def check_heads(model: Model, heads: Iterable[Head]) -> list[Head]:
    """The heads, each once, in order.

    Raises:
        SelectionError: none, one that does not exist, or what is no pair of whole numbers.
    """
    given = list(heads)
    try:
        pairs = sorted({(operator.index(layer), operator.index(head)) for layer, head in given})
    except (TypeError, ValueError) as error:
        raise SelectionError(
            f"heads={given!r} were given.", "Give pairs of whole numbers: [(layer, head), ...]."
        ) from error
    if not pairs:
        raise SelectionError("No heads were given.", "Give [(layer, head), ...].")
    for layer, head in pairs:
        refuse_without_attention(model, layer)
        if not (0 <= layer < model.n_layers and 0 <= head < model.n_heads):
            raise SelectionError(
                f"There is no head {head} in layer {layer} of {model.name}.",
                f"Layers go from 0 to {model.n_layers - 1}, heads from 0 to {model.n_heads - 1}.",
            )
    return pairs


def every_head(model: Model) -> list[Head]:
    """Layer by layer; those without attention have none."""
    return [(layer, head) for layer in model.attending for head in range(model.n_heads)]


def permutation_without_fixed_points(count: int, seed: int) -> Int[Tensor, " count"]:
    """Every row's donor: another row, each of them once.

    Raises:
        SelectionError: fewer than two rows.
    """
    if count < 2:
        raise SelectionError(
            f"{count} row of text leaves no other row to take a head's output from.",
            "Give at least two rows, or ablate by zero or mean.",
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    donors = torch.empty(count, dtype=torch.long)
    donors[order] = order.roll(1)
    return donors
