"""Scores of the weights as data, and reading them. The arithmetic is in `circuits`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.errors import UnsupportedModelError
from induction_kernels.models.model import Model
from induction_kernels.scores.of_attention import (
    PREVIOUS_TOKEN_ON_TEXT,
    AttentionReader,
    AttentionScore,
)
from induction_kernels.scores.of_weights.circuits import (
    copying,
    copying_output,
    copying_tokens,
    k_composition,
    ov_copying,
    qk_trace,
    random_k_composition,
)
from induction_kernels.scores.of_weights.head_weights import HeadWeights, Shape
from induction_kernels.scores.score import Facts, Range, Score

#: Floating-point operations up to which nobody waits long for one checkpoint on a processor.
_PATIENCE = 1e12


@dataclass(frozen=True, eq=False)
class Inputs:
    """What scores of the weights take besides the weights.

    Attributes:
        attention: the scores of attention that were read with them, by name.
        tokens: the random tokens of `copying`.
        seed: of random heads.
    """

    attention: Mapping[str, Float[Tensor, "layer head"]]
    tokens: Int[Tensor, "row pos"]
    seed: int


@dataclass(frozen=True, kw_only=True)
class WeightScore(Score):
    """What `circuits` computes of a model's weights.

    Attributes:
        operations: about how many floating-point operations it takes.
        attention: scores of attention that go into it.
        on_tokens: it is measured on the random tokens of `copying`.
        above_random: random heads' value is taken off.
        unrotated: it leaves out the rotation of queries and keys, and so is approximate where a
            model rotates them.
    """

    measure: Callable[[Model, Inputs], Float[Tensor, "layer head"]]
    operations: Callable[[Shape], float]
    range: Range = (-1.0, 1.0)
    attention: tuple[AttentionScore, ...] = ()
    on_tokens: bool = False
    above_random: bool = False
    unrotated: bool = False

    @property
    def group(self) -> str:
        return "Weights alone"

    def left_out(self, model: Model, text_given: bool) -> str | None:
        for score in self.attention:
            if reason := score.left_out(model, text_given):
                return reason
        try:
            shape = HeadWeights(model).shape
        except UnsupportedModelError as error:
            return str(error)
        operations = self.operations(shape)
        if model.device.type == "cpu" and operations > _PATIENCE:
            return (
                f"For {model.name} it takes about {operations:.0e} operations, too many to wait "
                "for at every checkpoint; head_scores computes it when asked for it by name."
            )
        return None


def _operations_of_copying(shape: Shape) -> float:
    """250 tokens through the whole model."""
    return 500.0 * (shape.d_vocab + 12 * shape.layers * shape.d_model) * shape.d_model


_OV_COPYING = WeightScore(
    name="ov_copying",
    title="OV copying",
    formula="Σ Re λ / Σ |λ|, λ the eigenvalues of W_E W_OV W_U, W_U less its mean over the "
    "vocabulary, norms folded in",
    meaning="Whether a head, for any token it looks at, raises the logits of that very token (1), "
    "lowers them (−1) or does neither.",
    source="Elhage et al. 2021; Olsson et al. 2022",
    measure=lambda model, _: ov_copying(model),
    operations=lambda s: 2 * (s.d_vocab + s.d_heads) * s.d_model**2,
)
_COPYING = WeightScore(
    name="copying",
    title="Copying",
    formula="4r − 1, r = attended / (attended + all): what the head raises of the attended token's "
    "logit and of all the sample's, Σₖ wₖ ReLU(x̂ₖ W_OV W_U), wₖ the attention to k",
    meaning="How far a head raises the logit of the token that it attends to above those of other "
    "tokens, on random tokens. Reads each key by itself, so that wide attention does not lower it. "
    "Chance is a head that raises all of them alike, or nothing.",
    source="after Olsson et al. 2022, who read the output of the head",
    measure=lambda model, inputs: copying(model, tokens=inputs.tokens),
    operations=_operations_of_copying,
    on_tokens=True,
)
_COPYING_OUTPUT = replace(
    _COPYING,
    name="copying_output",
    title="Copying, whole output",
    formula="4r − 1, r = attended / (attended + all), R = ReLU(y_q W_U) what the head's output y "
    "at q raises: attended = Σ A[q, k] R of the token at k, all = Σ R of all the sample's tokens",
    meaning="How far what a head writes raises the logits of the tokens that it attends to above "
    "those of other tokens, on random tokens. Wide attention mixes what is written, and lowers it. "
    "Chance is a head that raises all of them alike, or nothing.",
    source="Olsson et al. 2022",
    measure=lambda model, inputs: copying_output(model, tokens=inputs.tokens),
)
_QK_TRACE = WeightScore(
    name="qk_trace",
    title="QK trace",
    formula="tr(Σₑ pₑ W_E W_QK (W_OVᵉ)ᵀ W_Eᵀ) over earlier heads e, pₑ their previous-token score",
    meaning="Whether a head's queries match keys whose previous token was the same, as earlier "
    "previous-token heads tell it: prefix matching by weights alone. 0 in the first layer.",
    source="Olsson et al. 2022",
    measure=lambda model, inputs: qk_trace(model, inputs.attention[PREVIOUS_TOKEN_ON_TEXT.name]),
    operations=lambda s: 2 * (s.d_vocab + 3 * s.d_heads) * s.d_model**2,
    range=(None, None),
    attention=(PREVIOUS_TOKEN_ON_TEXT,),
    unrotated=True,
)
_K_COMPOSITION = WeightScore(
    name="k_composition",
    title="K-composition",
    formula="max over earlier heads e of |W_OVᵉ W_QKᵀ| / (|W_OVᵉ| |W_QK|), less that of random "
    "heads",
    meaning="How much a head's keys read of what the earlier head writes that it reads most of. "
    "0 in the first layer, which has no earlier heads.",
    source="Elhage et al. 2021",
    measure=lambda model, inputs: k_composition(model, inputs.seed).best(),
    operations=lambda s: s.d_heads**2 * s.d_model,
    range=(0.0, 1.0),
    colours="values",
    above_random=True,
    unrotated=True,
)

#: In the order a reader meets them.
WEIGHT_SCORES = (_OV_COPYING, _COPYING, _COPYING_OUTPUT, _QK_TRACE, _K_COMPOSITION)


class WeightReader:
    """Scores of the weights, with what they take besides.

    Args:
        attention: reads the scores of attention that go into them.

    Raises:
        UnsupportedModelError: weights that cannot be read.
    """

    def __init__(
        self, model: Model, scores: Iterable[WeightScore], attention: AttentionReader, seed: int
    ) -> None:
        weights = HeadWeights(model)
        self._scores, self._attention, self._seed = list(scores), attention, seed
        self._shape, self._rotary, self._weights = weights.shape, weights.rotary, model.weights
        self._tokens = copying_tokens(model, seed)

    def __call__(
        self, model: Model, attention: Mapping[str, Float[Tensor, "layer head"]]
    ) -> dict[str, Float[Tensor, "layer head"]]:
        """One float32 [layer, head] on the CPU a score, by name."""
        steps = self.by_steps(model, attention)
        return {name: values for found in steps for name, values in found.items()}

    def by_steps(
        self, model: Model, attention: Mapping[str, Float[Tensor, "layer head"]]
    ) -> Iterator[dict[str, Float[Tensor, "layer head"]]]:
        """The same, score by score."""
        inputs = Inputs(attention, self._tokens, self._seed)
        for score in self._scores:
            yield {score.name: score.measure(model, inputs)}

    def facts(self, score: WeightScore) -> Facts:
        low, high = score.range
        chance, probe = 0.0, ["the weights"]
        provenance: dict[str, str | int | float] = {
            "folding": "by TransformerLens" if self._weights == "folded" else "on copies"
        }
        if score.on_tokens:
            rows, n = self._tokens.shape
            chance = 4 / (n + 1) - 1
            probe = [f"{n} distinct random tokens without BOS, {rows} rows, seed {self._seed}"]
            digest = hashlib.sha256(self._tokens.contiguous().numpy().tobytes()).hexdigest()[:16]
            provenance |= {"probe_seed": self._seed, "probe_hash": digest}
        for part in score.attention:
            facts = self._attention.facts(part)
            probe.append(facts.probe)
            provenance |= facts.provenance
        if score.above_random:
            random = random_k_composition(self._shape.d_model, self._shape.d_head, self._seed)
            low, high = -random, 1 - random
            probe.append(f"random heads get {random:.3f}")
            provenance |= {"baseline": random, "baseline_seed": self._seed}
        if score.unrotated and self._rotary:
            probe.append("approximate: without the rotation of queries and keys")
            provenance["approximate"] = "rotation of queries and keys left out"
        return Facts((low, high), chance, "; ".join(probe), provenance)
