"""A metric on some tokens, and what heads would give instead: estimated, and really done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from induction_kernels.causes.ablator import KINDS, Kind, donors_of
from induction_kernels.causes.intervene import Head, Intervener
from induction_kernels.errors import InductionError, PromptError, SelectionError
from induction_kernels.inputs.batches import in_batches, in_batches_by_steps
from induction_kernels.inputs.probes import RepeatedTokens, check_tokens
from induction_kernels.inputs.text_size import ABLATED_BATCH
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.provenance import package_version
from induction_kernels.restoring import without_gradients
from induction_kernels.scores.of_causes.estimate import (
    Estimate,
    Instead,
    estimate,
    estimate_by_steps,
)
from induction_kernels.scores.of_causes.metrics import (
    Metric,
    MetricFunction,
    answer_logit,
    metric_of,
    second_copy_loss,
)

#: Metrics by name.
MetricName = Literal["second_copy_loss", "answer_logit"]
METRICS: tuple[MetricName, ...] = ("second_copy_loss", "answer_logit")

#: A text, or ids of one row or of several.
Tokens = str | list[int] | Int[Tensor, "..."]
#: A kind of ablation, or a text or ids in whose place heads give what they give there.
Baseline = Kind | Int[Tensor, "..."]

Grid = Float[np.ndarray, "layer head"]

_SOURCE = "Nanda 2023; Syed et al. 2023; Kramár et al. 2024"
_NOTHING = torch.zeros(())


@dataclass(frozen=True, eq=False)
class Patching:
    """A metric on some tokens, and what heads would give instead: what is estimated and measured
    alike.

    Attributes:
        baseline: what heads give instead, in words.
        on: what has to be known of the tokens to repeat a number.
    """

    tokens: Int[Tensor, "row pos"]
    metric: Metric
    instead: Instead
    baseline: str
    on: dict[str, str | int]

    @classmethod
    def of(
        cls,
        model: Model,
        tokens: Tokens | None,
        metric: MetricName | MetricFunction,
        baseline: Baseline,
        answer: str | int | None = None,
        period: int | None = None,
        seed: int = 0,
    ) -> Patching:
        """Of what a caller gave.

        Raises:
            SelectionError, PromptError, ProbeError: as `attribution_patching`.
        """
        _check_arguments(tokens, metric, answer, period)
        if metric == "second_copy_loss" or tokens is None:
            probe = _repeated(model, tokens, period, seed)
            number = second_copy_loss(probe) if isinstance(metric, str) else metric_of(metric)
            ids, on = probe.tokens, probe.provenance()
        else:
            number = metric_of(metric) if callable(metric) else _of_answer(model, answer)
            ids = _ids(model, tokens)
            on = {"tokens": " ".join(map(str, ids[0].tolist())) if len(ids) == 1 else "given"}
        return cls(ids, number, *_instead(model, ids, baseline, seed), on)

    def estimate(self, model: Model, batch: int = ABLATED_BATCH) -> Estimate:
        """Raises: UnsupportedModelError, InductionError: as `attribution_patching`."""
        return estimate(model, self.tokens, self.metric, self.instead, batch=batch)

    def estimate_by_steps(
        self, model: Model, batch: int = ABLATED_BATCH
    ) -> Iterator[Callable[[], Estimate | None]]:
        """`estimate`: after every pass a function that gives it, None until it is whole."""
        return estimate_by_steps(model, self.tokens, self.metric, self.instead, batch=batch)

    def exact_by_steps(
        self, model: Model, heads: Sequence[Head], batch: int = ABLATED_BATCH
    ) -> Iterator[Callable[[], Grid]]:
        """Each head really replaced, alone: after every pass a function that gives the changes that
        are known, NaN elsewhere.

        Between two of them other weights may be put into the model and taken out again.
        """
        means = self._means(model, heads, batch) if self.instead == "mean" else {}
        changes = torch.full((len(heads), len(self.tokens)), torch.nan, dtype=torch.double)

        def known() -> Grid:
            grid = np.full((model.n_layers, model.n_heads), np.nan)
            for head, change in zip(heads, changes.mean(1), strict=True):
                grid[head] = float(change)
            return grid

        def run(part: slice) -> Generator[None, None, None]:
            given = self._given(model, part)
            intervener = Intervener(model, self.tokens[part])
            clean = self._values(intervener.clean.output, part)
            for number, (layer, head) in enumerate(heads):
                instead = given[layer][:, head] if given else means.get((layer, head), _NOTHING)
                output = intervener.run({(layer, head): instead})
                changes[number, part] = self._values(output, part) - clean
                yield

        for step in in_batches_by_steps(self.tokens, batch, run):
            if step is None:
                yield known
        yield known

    def _given(self, model: Model, part: slice) -> dict[int, Tensor]:
        """What heads give on the rows that are taken from; nothing where none are."""
        if isinstance(self.instead, str):
            return {}
        return Intervener(model, self.instead[part]).clean.z

    def _means(self, model: Model, heads: Sequence[Head], batch: int) -> dict[Head, Tensor]:
        """Each head's z, averaged over all rows and positions: [d_head]."""

        def sums(part: slice) -> dict[Head, Tensor]:
            z = Intervener(model, self.tokens[part]).clean.z
            return {(la, head): z[la][:, head].double().sum((0, 1)) for la, head in heads}

        found = [of_part for _, of_part in in_batches(self.tokens, batch, sums)]
        return {
            head: torch.stack([of_part[head] for of_part in found]).sum(0) / self.tokens.numel()
            for head in heads
        }

    def _values(self, output: Output, part: slice) -> Float[Tensor, " row"]:
        tokens = self.tokens[part].to(output.hidden.device)
        with without_gradients():
            values = [
                self.metric.of_row(replace(output, hidden=output.hidden[row : row + 1]), one[None])
                for row, one in enumerate(tokens)
            ]
        found = torch.stack(values).cpu().double()
        if not found.isfinite().all():
            raise InductionError(
                f"{self.metric.title[0].upper()}{self.metric.title[1:]} is not finite with a head "
                "replaced.",
                "The weights or activations overflow; load intact weights or use a wider dtype.",
            )
        return found

    def provenance(self, found: Estimate) -> dict[str, str | int | float]:
        return {
            "metric": self.metric.name,
            "metric_value": found.metric,
            "units": self.metric.units,
            "baseline": self.baseline,
            "source": _SOURCE,
            **self.on,
            "package_version": package_version(),
        }


def _check_arguments(
    tokens: Tokens | None, metric: object, answer: str | int | None, period: int | None
) -> None:
    if not callable(metric) and metric not in METRICS:
        raise SelectionError(
            f"There is no metric {metric!r}.",
            f"metric may be {' or '.join(METRICS)}, or a function of logits and tokens.",
        )
    if (metric == "answer_logit") != (answer is not None):
        raise SelectionError(
            f"metric={metric!r} and answer={answer!r} were given.",
            "The metric answer_logit needs an answer, and no other takes one.",
        )
    if metric == "answer_logit" and tokens is None:
        raise PromptError(f"The answer {answer!r} was given without a prompt.", "Give tokens= too.")
    repeated = metric == "second_copy_loss" and tokens is not None
    if repeated != (period is not None):
        raise SelectionError(
            f"metric={metric!r}, period={period!r} and {'no' if tokens is None else 'your'} tokens "
            "were given.",
            "Repeated tokens of your own need their period, for the metric second_copy_loss; "
            "nothing else takes one.",
        )


def _repeated(model: Model, tokens: Tokens | None, period: int | None, seed: int) -> RepeatedTokens:
    if tokens is None or period is None:
        return RepeatedTokens.make(model, seed=seed)
    return RepeatedTokens.given(model, _ids(model, tokens), period)


def _ids(model: Model, tokens: Tokens) -> Int[Tensor, "row pos"]:
    if isinstance(tokens, str):
        return prompt_tokens(model, tokens)
    return check_tokens(model, torch.as_tensor(tokens).cpu())


def _of_answer(model: Model, answer: str | int | None) -> Metric:
    if isinstance(answer, str):
        return answer_logit(answer_token(model, answer))
    return answer_logit(int(check_tokens(model, torch.tensor([answer]))[0, 0]))


def _instead(
    model: Model, tokens: Int[Tensor, "row pos"], baseline: Baseline, seed: int
) -> tuple[Instead, str]:
    """What heads give instead, and in words."""
    if not isinstance(baseline, str):
        other = _ids(model, baseline)
        if other.shape != tokens.shape:
            raise SelectionError(
                f"The baseline has the shape {tuple(other.shape)}, and the tokens have "
                f"{tuple(tokens.shape)}.",
                "Give as many rows of as many tokens: heads are given what they give there.",
            )
        return other, "other tokens"
    if baseline not in KINDS:
        raise SelectionError(
            f"There is no baseline {baseline!r}.",
            f"baseline may be {', '.join(KINDS)}, or token ids.",
        )
    if baseline == "resample":
        return tokens[donors_of(len(tokens), seed)], baseline
    return baseline, baseline
