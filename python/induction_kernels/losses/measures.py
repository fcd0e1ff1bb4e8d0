"""Measures of the whole model, read off its losses at a checkpoint or at all of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.walk import walk
from induction_kernels.errors import InductionError, ProbeError
from induction_kernels.inputs.padding import GIVE_MASK, Mask
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.losses.copyable import copyable
from induction_kernels.losses.measure import MEASURES, SLOPE_REACH
from induction_kernels.losses.sinks import Sinks
from induction_kernels.losses.tokens import (
    in_context_learning_positions,
    slope_by_log_position,
    token_losses_by_steps,
)
from induction_kernels.models.model import Model
from induction_kernels.provenance import package_version

if TYPE_CHECKING:
    import xarray


class Measurer:
    """The measures of any checkpoint of one series, on the same tokens throughout.

    Args:
        positions: the early and the late position that in-context learning compares; by default
            what the context length says (`in_context_learning_positions`).

    Raises:
        ProbeError: texts too short for those positions.
    """

    def __init__(
        self,
        model: Model,
        text: TextProbe | None = None,
        *,
        positions: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> None:
        self.seed = seed
        self.text = text or TextProbe.default(model)
        self.repeated = RepeatedTokens.make(model, seed=seed)
        self.early, self.late = positions or in_context_learning_positions(model.n_ctx)
        if not 0 <= self.early < self.late:
            raise ProbeError(
                f"positions={positions!r} were given.",
                f"Give an early and a later one: {in_context_learning_positions(model.n_ctx)}.",
            )
        if self.positions <= self.late:
            early, late = int(0.05 * self.positions), int(0.49 * self.positions)
            scaled = f", or positions=({early}, {late})" if early < late else ""
            raise ProbeError(
                f"in_context_learning compares the losses at positions {self.early} and "
                f"{self.late}; the rows of the texts have {self.positions} losses.",
                f"Give texts of at least {self.late + 2} tokens{scaled}.",
            )
        predicted = self.text.attention_mask.sum(1) - 1
        short = int(predicted.argmin())
        if predicted[short] <= self.late:
            raise ProbeError(
                f"Row {short} has {int(predicted[short])} losses without its padding; "
                f"in_context_learning compares positions {self.early} and {self.late}.",
                f"Give rows of at least {self.late + 2} tokens.",
            )
        #: The position of each row whose loss is `token_loss`.
        self.chosen = (
            torch.randint(
                self.positions,
                (len(self.text.tokens),),
                generator=torch.Generator().manual_seed(seed),
            )
            % predicted
        )

        self.copyable = copyable(self.text.tokens, attention_mask=self.text.attention_mask)

    @property
    def share(self) -> float:
        """How many of the predicted tokens are copyable, 0 to 1."""
        return int(self.copyable.sum()) / int(self.text.attention_mask[:, 1:].sum())

    @property
    def positions(self) -> int:
        """How many positions are predicted in the longest row."""
        return self.text.tokens.shape[1] - 1

    def __call__(self, model: Model) -> dict[str, Float[Tensor, "..."]]:
        """Every measure by name, float32 on the CPU: a number, or one a position or row.

        One forward pass a batch of text serves them all.

        Raises:
            InductionError: losses that are not finite.
        """
        *_, known = self.by_steps(model)
        return known()

    def by_steps(
        self, model: Model, batch: int = 16
    ) -> Iterator[Callable[[], dict[str, Float[Tensor, "..."]]]]:
        """The same: after every pass a function that gives what is known of the rows run so far,
        NaN elsewhere.

        Between two of them other weights may be put into the model and taken out again.
        """
        text, mask = self.text.tokens, self.text.attention_mask
        again = self.repeated.tokens
        losses = torch.full((len(text), self.positions), torch.nan)
        second = torch.full((len(again), again.shape[1] - 1), torch.nan)
        sinks = Sinks(int(mask.sum(1).min()))
        known = partial(self._known, losses, second, sinks)
        for run in token_losses_by_steps(model, text, mask, batch, sinks.run):
            losses.copy_(run)
            sinks.keep()
            yield known
        self._check_finite(model, losses)
        for run in token_losses_by_steps(model, again, batch_size=batch):
            second.copy_(run)
            yield known

    def _known(
        self,
        losses: Float[Tensor, "row pos"],
        second: Float[Tensor, "copy_row copy_pos"],
        sinks: Sinks,
    ) -> dict[str, Float[Tensor, "..."]]:
        by_position = losses.nanmean(0)
        return {
            "loss": losses[losses.isfinite()].mean(),
            "in_context_learning": by_position[self.late] - by_position[self.early],
            "copyable_loss": losses[self.copyable].nanmean(),
            "other_loss": losses[~self.copyable].nanmean(),
            "loss_by_position": by_position,
            "loss_slope": slope_by_log_position(by_position, SLOPE_REACH),
            "induction_loss": second[:, self._second_copy()].mean(),
            "sink_fraction": sinks.fraction,
            "token_loss": losses[torch.arange(len(losses)), self.chosen],
        }

    def _check_finite(self, model: Model, losses: Float[Tensor, "row pos"]) -> None:
        broken = self.text.attention_mask[:, 1:] & ~losses.isfinite()
        if broken.any():
            row, position = broken.nonzero()[0].tolist()
            raise InductionError(
                f"The loss of {model.name} at position {position} of row {row} is not a number.",
                "The weights or activations hold NaN or infinity; load intact weights.",
            )

    def _second_copy(self) -> slice:
        """Losses of the tokens that can be known: all of the second copy but its first."""
        start = self.repeated.lead + self.repeated.period
        return slice(start, start + self.repeated.period - 1)

    def provenance(self) -> dict[str, str | int | float]:
        return {
            **self.text.provenance(),
            **self.repeated.provenance(),
            "in_context_learning_positions": f"{self.early}, {self.late}",
            "copyable_share": self.share,
            "chosen_positions_seed": self.seed,
            "package_version": package_version(),
        }


def measures(
    series: CheckpointSeries,
    texts: Texts | None = None,
    *,
    attention_mask: Mask | None = None,
    positions: tuple[int, int] | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Every measure at every checkpoint of a series.

    Args:
        texts: your own strings (a list, or a column of a dataset) or token ids [row, pos]; by
            default held-out text of the bundled series.
        attention_mask: of token ids: 1 where there is a token and 0 where there is padding.
            Positions are counted in each row's own tokens, means taken over what rows have.
        positions: the early and the late position that in-context learning compares; by default
            50 and 500, or 0.05 and 0.49 of a short context.
        progress: show a progress bar.

    Returns:
        xarray.Dataset with dims (checkpoint,), (checkpoint, position) and (checkpoint, row),
        coordinates step and tokens along checkpoint, and chosen_position, which `token_loss` is
        of, along row. A checkpoint that cannot be measured is NaN, named in a warning
        and in the attribute `faults`.

    Raises:
        ProbeError: texts that are too short, padded or cannot be read.
        CheckpointError: not one checkpoint could be measured.
    """
    import xarray

    def prepare(model: Model) -> Measurer:
        text = TextProbe.of(model, texts, attention_mask, padding=GIVE_MASK)
        return Measurer(model, text, positions=positions)

    measured = walk(series, prepare, done="measured", progress=progress)
    measurer = measured.reader
    return xarray.Dataset(
        {
            name: (
                measure.dims,
                measured.along(itemgetter(name)),
                {
                    "title": measure.title,
                    "formula": measure.formula,
                    "source": measure.source,
                    "units": measure.units,
                },
            )
            for name, measure in MEASURES.items()
        },
        coords={
            **measured.coords,
            "position": range(measurer.positions),
            "chosen_position": ("row", measurer.chosen.numpy()),
        },
        attrs=measured.attrs | measurer.provenance(),
    )
