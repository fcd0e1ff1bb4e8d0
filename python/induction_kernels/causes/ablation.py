"""What a head does to the loss, causally: the loss without the head's output, minus that with it.

Three ways to take it away: by zero; by its mean over the text, which leaves what does not depend on
the input; by its output on another row of the text (resampling), which leaves its distribution.
With patterns frozen, later heads attend as if nothing had happened (Olsson et al. 2022,
"pattern-preserving ablation").

What the number is not: effects of several heads do not add up; other heads may make up for one that
is gone; and ablating most other heads raises in-context learning, because what is left leans on
what was not ablated. A change of a few standard errors can still be smaller than that of random
heads: compare the controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.attention.door import as_model
from induction_kernels.causes.ablator import Ablator, Answers, Kind, SetLosses
from induction_kernels.causes.intervene import (
    Head,
    check_heads,
    every_head,
)
from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.walk import walk
from induction_kernels.errors import (
    PromptError,
)
from induction_kernels.inputs.padding import GIVE_MASK, Mask
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.inputs.tokenization import answer_token, prompt_tokens
from induction_kernels.losses.tokens import in_context_learning_positions
from induction_kernels.models.model import Model

if TYPE_CHECKING:
    import xarray

#: Sets of random heads that a set is compared with.
CONTROLS = 20


@dataclass(frozen=True, eq=False)
class Ablation:
    """What ablating a set of heads together did at one checkpoint; losses in nats.

    Attributes:
        loss, loss_change, loss_error: with nothing ablated, the change, and its standard error over
            rows (paired).
        in_context_learning, in_context_learning_change, in_context_learning_error: the same of
            in-context learning; NaN where rows are too short.
        induction_loss, induction_loss_change, induction_loss_error: the same of the loss on the
            second copy of repeated random tokens.
        control_loss, control_in_context_learning, control_induction_loss: [draw] changes by as
            many random other heads; none where there are not enough. Draws repeat where there are
            few: of one head in a layer of four, only three differ.
        answer_before, answer_after: probability and rank of a prompt's answer; None without.
    """

    heads: list[Head]
    loss: float
    loss_change: float
    loss_error: float
    in_context_learning: float
    in_context_learning_change: float
    in_context_learning_error: float
    induction_loss: float
    induction_loss_change: float
    induction_loss_error: float
    control_loss: Float[np.ndarray, " draw"]
    control_in_context_learning: Float[np.ndarray, " draw"]
    control_induction_loss: Float[np.ndarray, " draw"]
    answer_before: tuple[float, int] | None = None
    answer_after: tuple[float, int] | None = None

    @property
    def share_of_controls(self) -> float:
        """Of the random sets, how many change the loss at least as much; NaN without any."""
        if not len(self.control_loss):
            return float("nan")
        return float((np.abs(self.control_loss) >= abs(self.loss_change)).mean())


def ablate(
    model: object,
    heads: Iterable[Head],
    texts: Texts | None = None,
    *,
    attention_mask: Mask | None = None,
    kind: Kind = "zero",
    frozen: bool = False,
    controls: int = CONTROLS,
    prompt: str | None = None,
    answer: str | None = None,
    seed: int = 0,
) -> Ablation:
    """What a set of heads, ablated together, does to the loss of a text and of repeated tokens.

    Args:
        model: anything `as_model` accepts whose attention is fused.
        heads: [(layer, head), ...].
        texts: by default 32 rows of held-out text.
        attention_mask: of token ids: 1 where there is a token and 0 where there is padding. The
            loss is the mean over rows of each one's own, in-context learning of those that reach
            its late position.
        kind: "zero"; "mean", over all rows and positions of the text; "resample", from another row.
        frozen: later heads keep the patterns they had.
        controls: how many sets of random heads to compare with.
        prompt, answer: a text, and the continuation whose probability is followed.

    Raises:
        SelectionError: heads or a kind that do not exist; resampling with one row.
        PromptError: a prompt without its answer, or an answer without its prompt.
        ProbeError: text that cannot be read, or rows of a single token.
        UnsupportedModelError: a model whose heads cannot be replaced.
    """
    if (prompt is None) != (answer is None):
        raise PromptError(
            f"prompt={prompt!r} and answer={answer!r} were given.",
            "Give both, to follow the answer's probability, or neither.",
        )
    model = as_model(model)
    text = _given_text(model, texts, attention_mask)
    ablator = Ablator(model, text, kind=kind, frozen=frozen, seed=seed)
    asked = (
        None
        if prompt is None or answer is None
        else (prompt_tokens(model, prompt), answer_token(model, answer))
    )
    return ablate_with(ablator, model, check_heads(model, heads), controls, asked)


def _given_text(model: Model, texts: Texts | None, attention_mask: Mask | None) -> TextProbe | None:
    if texts is None and attention_mask is None:
        return None
    return TextProbe.of(model, texts, attention_mask, padding=GIVE_MASK)


def ablate_with(
    ablator: Ablator,
    model: Model,
    heads: list[Head],
    controls: int = CONTROLS,
    asked: tuple[Tensor, int] | None = None,
) -> Ablation:
    """`ablate` with an ablator that is used again, and a prompt [1, pos] with its answer's id."""
    *_, last = ablate_by_steps(ablator, model, heads, controls, asked)
    return last()


def ablate_by_steps(
    ablator: Ablator,
    model: Model,
    heads: list[Head],
    controls: int = CONTROLS,
    asked: tuple[Tensor, int] | None = None,
) -> Iterator[Callable[[], Ablation]]:
    """`ablate_with`: after every pass a function that gives what is known, NaN elsewhere.

    The heads come before the controls, and repeated tokens before the text: they are few, and what
    an induction head does shows there most.
    Between two of them other weights may be put into the model and taken out again.
    """
    drawn = ablator.controls(model, heads, controls)
    distinct = [list(one) for one in dict.fromkeys(map(tuple, drawn))]
    places = [distinct.index(one) for one in drawn]
    repeated, text = (
        _Changes(SetLosses.unknown([heads], probe), SetLosses.unknown(distinct, probe), places)
        for probe in (ablator.repeated, ablator.text)
    )
    answers: Answers | None = None

    def known() -> Ablation:
        before, after = answers or (None, None)
        return Ablation(
            heads=heads,
            **text.of("loss", _mean_loss),
            **text.of("in_context_learning", partial(_learning, model.n_ctx)),
            **repeated.of("induction_loss", partial(_second, ablator.repeated)),
            answer_before=before,
            answer_after=after,
        )

    def run(of_sets: SetLosses, probe: TextProbe | RepeatedTokens) -> Iterator[None]:
        return ablator.fill(of_sets, model, probe) if of_sets.sets else iter(())

    for _ in run(repeated.own, ablator.repeated):
        yield known
    if asked is not None:
        answers = ablator.answer(model, heads, *asked)
    for _ in run(text.own, ablator.text):
        yield known
    for _ in run(repeated.others, ablator.repeated):
        yield known
    for _ in run(text.others, ablator.text):
        yield known


@dataclass(frozen=True)
class _Changes:
    """Losses with some heads ablated, and with each of the distinct sets of other heads.

    Attributes:
        places: of each draw among the distinct sets.
    """

    own: SetLosses
    others: SetLosses
    places: list[int]

    def of(
        self, name: str, measure: Callable[[Tensor], Float[Tensor, "*set row"]]
    ) -> dict[str, Any]:
        """A measure, linear in losses: before, and its changes by the heads and by the others."""
        clean, ablated = self.own.known()
        change = measure(ablated[0] - clean)
        clean_again, of_others = self.others.known()
        drawn = measure(of_others[self.places] - clean_again)
        return {
            name: float(measure(clean).nanmean()),
            f"{name}_change": float(change.nanmean()),
            f"{name}_error": _error(change),
            f"control_{name}": drawn.nanmean(-1).numpy(),
        }


def _mean_loss(losses: Float[Tensor, "*set row pos"]) -> Float[Tensor, "*set row"]:
    return losses.nanmean(-1)


def _second(
    repeated: RepeatedTokens, losses: Float[Tensor, "*set row pos"]
) -> Float[Tensor, "*set row"]:
    """Of the second copy, its first token left out: nothing tells that it is to come."""
    start = repeated.lead + repeated.period
    return losses[..., start : start + repeated.period - 1].mean(-1)


def _learning(n_ctx: int, losses: Float[Tensor, "*set row pos"]) -> Float[Tensor, "*set row"]:
    early, late = in_context_learning_positions(n_ctx)
    if losses.shape[-1] <= late:
        return torch.full(losses.shape[:-1], torch.nan)
    return losses[..., late] - losses[..., early]


def _error(per_row: Float[Tensor, " row"]) -> float:
    known = per_row[per_row.isfinite()]
    return float(known.std() / len(known) ** 0.5) if len(known) > 1 else float("nan")


def ablate_each(
    model: object,
    texts: Texts | None = None,
    *,
    attention_mask: Mask | None = None,
    kind: Kind = "zero",
    seed: int = 0,
) -> xarray.Dataset:
    """What every single head does: changes of the loss of a text, of its in-context learning, and
    of the loss on the second copy of repeated random tokens.

    The layers below an ablated head are not run again.

    Returns:
        xarray.Dataset with dims (layer, head) and variables loss, in_context_learning and
        induction_loss, in nats.

    Raises:
        SelectionError, UnsupportedModelError: as `ablate`.
    """
    import xarray

    model = as_model(model)
    text = _given_text(model, texts, attention_mask)
    ablator = Ablator(model, text, kind=kind, seed=seed)
    changes = ablate_each_with(ablator, model)
    return xarray.Dataset(
        {name: (("layer", "head"), grid) for name, grid in changes.items()},
        coords=model.axes,
        attrs=model.provenance() | ablator.provenance(),
    )


def ablate_each_with(ablator: Ablator, model: Model) -> dict[str, Float[np.ndarray, "layer head"]]:
    *_, last = ablate_each_by_steps(ablator, model)
    return last()


def ablate_each_by_steps(
    ablator: Ablator, model: Model
) -> Iterator[Callable[[], dict[str, Float[np.ndarray, "layer head"]]]]:
    """`ablate_each_with`: after every pass a function that gives what is known, NaN elsewhere.

    Between two of them other weights may be put into the model and taken out again.
    """
    heads = every_head(model)
    sets = [[head] for head in heads]
    repeated = ablator.repeated
    of_text, of_repeated = (SetLosses.unknown(sets, probe) for probe in (ablator.text, repeated))

    def known() -> dict[str, Float[np.ndarray, "layer head"]]:
        clean, ablated = of_text.known()
        before, after = of_repeated.known()
        changes = {
            "loss": _mean_loss(ablated - clean).mean(1),
            "in_context_learning": _learning(model.n_ctx, ablated - clean).nanmean(1),
            "induction_loss": _second(repeated, after - before).mean(1),
        }
        rows, columns = zip(*heads, strict=True)
        grids = {}
        for name, change in changes.items():
            grids[name] = np.full((model.n_layers, model.n_heads), np.nan, change.numpy().dtype)
            grids[name][rows, columns] = change.numpy()
        return grids

    for probe, into in ((ablator.text, of_text), (repeated, of_repeated)):
        for _ in ablator.fill(into, model, probe):
            yield known


def ablations(
    series: CheckpointSeries,
    heads: Iterable[Head],
    texts: Texts | None = None,
    *,
    attention_mask: Mask | None = None,
    kind: Kind = "zero",
    frozen: bool = False,
    controls: int = CONTROLS,
    seed: int = 0,
    progress: bool = True,
) -> xarray.Dataset:
    """`ablate` through training, on the same text and with the same random heads throughout.

    Returns:
        xarray.Dataset with dims (checkpoint,) and (checkpoint, draw); a checkpoint that cannot be
        run is NaN, named in a warning and in the attribute `faults`.

    Raises:
        SelectionError, ProbeError: as `ablate`.
        CheckpointError: not one checkpoint could be run.
    """
    import xarray

    wanted = list(heads)

    def prepare(model: Model) -> _EachCheckpoint:
        text = _given_text(model, texts, attention_mask)
        ablator = Ablator(model, text, kind=kind, frozen=frozen, seed=seed)
        return _EachCheckpoint(ablator, check_heads(model, wanted), controls)

    read = walk(series, prepare, done="run", progress=progress)
    measured = ("loss", "in_context_learning", "induction_loss")
    numbers = [name + of for name in measured for of in ("", "_change", "_error")]
    draws = [f"control_{name}" for name in measured]
    dims = dict.fromkeys(numbers, "checkpoint") | dict.fromkeys(draws, ("checkpoint", "draw"))
    return xarray.Dataset(
        {name: (dims[name], read.along(attrgetter(name), float)) for name in dims},
        coords=read.coords,
        attrs=read.attrs | read.reader.ablator.provenance() | {"heads": str(wanted)},
    )


@dataclass(frozen=True, eq=False)
class _EachCheckpoint:
    """The same heads, ablated the same way."""

    ablator: Ablator
    heads: list[Head]
    controls: int

    def __call__(self, model: Model) -> Ablation:
        return ablate_with(self.ablator, model, self.heads, self.controls)
