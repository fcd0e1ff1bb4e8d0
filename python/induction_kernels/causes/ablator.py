"""Losses of a text with heads taken away, pass by pass."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from induction_kernels.causes.intervene import (
    Head,
    Intervener,
    Replacements,
    every_head,
    permutation_without_fixed_points,
)
from induction_kernels.errors import (
    InductionError,
    ProbeError,
    SelectionError,
)
from induction_kernels.inputs.batches import in_batches, in_batches_by_steps
from induction_kernels.inputs.padding import Rows
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.text_size import ABLATED_BATCH, ABLATED_ROWS
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.losses.tokens import losses_of
from induction_kernels.models.model import Model
from induction_kernels.models.outputs import Output
from induction_kernels.provenance import package_version
from induction_kernels.restoring import without_gradients

Kind = Literal["zero", "mean", "resample"]
KINDS: tuple[Kind, ...] = ("zero", "mean", "resample")

Losses = Float[Tensor, "row pos"]
#: Probability and rank of an answer, before and after.
Answers = tuple[tuple[float, int], tuple[float, int]]


class Ablator:
    """Ablations on one text, of one checkpoint after another.

    Args:
        text: by default `ABLATED_ROWS` rows of the bundled series' held-out text.
        batch: how many rows a pass runs, where memory allows: no number depends on it.

    Raises:
        SelectionError: a kind that does not exist, or resampling with a single row.
        ProbeError: text that cannot be read, or rows of a single token.
    """

    def __init__(
        self,
        model: Model,
        text: TextProbe | None = None,
        *,
        kind: Kind = "zero",
        frozen: bool = False,
        seed: int = 0,
        batch: int = ABLATED_BATCH,
    ) -> None:
        if kind not in KINDS:
            raise SelectionError(
                f"There is no ablation {kind!r}.", f"kind may be {', '.join(KINDS)}."
            )
        self.text = text or TextProbe.default(model, ABLATED_ROWS)
        if self.text.tokens.shape[1] < 2:
            raise ProbeError("One token has no next token to predict.", "Give rows of two or more.")
        self.kind, self.frozen, self.seed = kind, frozen, seed
        self.batch = min(batch, ABLATED_BATCH)
        self.repeated = RepeatedTokens.make(model, seed=seed)
        if kind == "resample":
            permutation_without_fixed_points(len(self.text.tokens), seed)
            if self.text.lengths is not None:
                raise ProbeError(
                    f"The rows have {int(self.text.lengths.min())} to "
                    f"{int(self.text.lengths.max())} tokens without their padding, and resampling "
                    "takes what a head gives at the same position of another row.",
                    "Give rows of one length, or ablate by zero or mean.",
                )

    def losses(
        self, model: Model, sets: Sequence[Sequence[Head]], probe: TextProbe | RepeatedTokens
    ) -> tuple[Losses, Float[Tensor, "set row pos"]]:
        """Losses with nothing ablated, and with each set of heads ablated; in nats, on the CPU;
        NaN where there is padding.

        Raises:
            InductionError: losses that are not finite.
        """
        of_sets = SetLosses.unknown(sets, probe)
        for _ in self.fill(of_sets, model, probe):
            pass
        return of_sets.known()

    def fill(
        self, of_sets: SetLosses, model: Model, probe: TextProbe | RepeatedTokens
    ) -> Iterator[None]:
        """`losses`, pass by pass."""
        rows, sets = _rows(probe), of_sets.sets
        means = self._means(model, sets, probe) if self.kind == "mean" else {}
        for own, columns in rows.by_length():
            tokens, groups = rows.tokens[own, columns], _groups(len(own))
            donors = donors_of(len(own), self.seed) if self.kind == "resample" else None

            def run(
                part: slice,
                tokens: Tensor = tokens,
                donors: Tensor | None = donors,
                own: Tensor = own,
                columns: Tensor = columns,
            ) -> Generator[None, None, None]:
                given = None if donors is None else tokens[donors[part]]
                passes = self._losses_of_part(model, tokens[part], sets, means, given)
                for number, losses in enumerate(passes):
                    of_sets.fill(number, own[part], columns[part, :-1], losses)
                    yield

            for step in in_batches_by_steps(tokens, self.batch, run, groups=groups):
                if step is None:
                    yield

    def _losses_of_part(
        self,
        model: Model,
        tokens: Int[Tensor, "row length"],
        sets: Sequence[Sequence[Head]],
        means: Replacements,
        donors: Int[Tensor, "row length"] | None,
    ) -> Iterator[Losses]:
        """With nothing ablated, then with each set."""
        given = {} if donors is None else self._outputs(model, sets, donors)
        intervener = Intervener(model, tokens)

        def losses(output: Output) -> Losses:
            of_rows = losses_of(output, tokens, model.d_vocab)
            if not of_rows.isfinite().all():
                raise InductionError(
                    f"Losses of {model.name} are not finite.",
                    "The weights or activations overflow; load intact weights or use a wider "
                    "dtype.",
                )
            return of_rows

        yield losses(intervener.clean.output)
        for heads in sets:
            if self.kind == "zero":
                replaced: Replacements = {head: torch.zeros(()) for head in heads}
            else:
                replaced = {head: (given or means)[head] for head in heads}
            yield losses(intervener.run(replaced, frozen=self.frozen))

    def _outputs(
        self, model: Model, sets: Sequence[Sequence[Head]], tokens: Int[Tensor, "row pos"]
    ) -> Replacements:
        """What the heads give on these rows when nothing is ablated."""
        z = Intervener(model, tokens).clean.z
        return {(layer, head): z[layer][:, head] for one in sets for layer, head in one}

    def _means(
        self, model: Model, sets: Sequence[Sequence[Head]], probe: TextProbe | RepeatedTokens
    ) -> Replacements:
        """Each head's z, averaged over all rows and positions of the probe: [d_head]."""
        rows, of_groups = _rows(probe), []

        def sums_of(tokens: Int[Tensor, "row pos"], part: slice) -> Replacements:
            outputs = self._outputs(model, sets, tokens[part])
            return {head: z.double().sum((0, 1)) for head, z in outputs.items()}

        for own, columns in rows.by_length():
            tokens = rows.tokens[own, columns]
            parts = in_batches(tokens, self.batch, partial(sums_of, tokens))
            of_groups += [sums for _, sums in parts]
        return {
            head: torch.stack([sums[head] for sums in of_groups]).sum(0) / rows.lengths.sum()
            for head in of_groups[0]
        }

    def answer(self, model: Model, heads: Sequence[Head], tokens: Tensor, answer: int) -> Answers:
        """Probability and rank of a token after a prompt [1, pos], before and after."""
        intervener = Intervener(model, tokens)
        if self.kind == "zero":
            replaced: Replacements = {head: torch.zeros(()) for head in heads}
        elif self.kind == "mean":
            replaced = self._means(model, [heads], self.text)
        else:
            if tokens.shape[1] > self.text.tokens.shape[1]:
                raise SelectionError(
                    f"The prompt has {tokens.shape[1]} tokens, the rows of text to take outputs "
                    f"from {self.text.tokens.shape[1]}.",
                    "Ablate by zero or mean, or give longer texts.",
                )
            z = Intervener(model, self.text.tokens[:1, : tokens.shape[1]]).clean.z
            replaced = {(layer, head): z[layer][:, head] for layer, head in heads}
        answers = []
        for output in (intervener.clean.output, intervener.run(replaced, frozen=self.frozen)):
            with without_gradients():
                row = output.logits_at(0, tokens.shape[1] - 1).cpu()
            answers.append((float(row.softmax(-1)[answer]), int((row > row[answer]).sum())))
        return answers[0], answers[1]

    def controls(self, model: Model, heads: Sequence[Head], count: int) -> list[list[Head]]:
        """As many other heads as were chosen, at random: of the same layers where these have
        enough others, else of any layer."""
        rng = np.random.default_rng(self.seed)
        others = [head for head in every_head(model) if head not in heads]
        if len(others) < len(heads):
            return []
        layers = [layer for layer, _ in heads]
        by_layer = {la: [h for h in others if h[0] == la] for la in set(layers)}
        matched = all(layers.count(la) <= len(pool) for la, pool in by_layer.items())
        sets = []
        for _ in range(count):
            if matched:
                drawn = [
                    pool[i]
                    for la, pool in by_layer.items()
                    for i in rng.permutation(len(pool))[: layers.count(la)]
                ]
            else:
                drawn = [others[i] for i in rng.permutation(len(others))[: len(heads)]]
            sets.append(sorted(drawn))
        return sets

    def provenance(self) -> dict[str, str | int]:
        return {
            **self.text.provenance(),
            "ablation": self.kind,
            "patterns": "frozen" if self.frozen else "free",
            "seed": self.seed,
            "package_version": package_version(),
        }


@dataclass(eq=False)
class SetLosses:
    """Losses with nothing ablated, and with each of some sets of heads ablated.

    Attributes:
        before, after: in nats, on the CPU; NaN where there is padding and where nothing was run.
        was_run: which rows, first with nothing ablated, then of each set.
    """

    sets: Sequence[Sequence[Head]]
    before: Losses
    after: Float[Tensor, "set row pos"]
    was_run: Bool[Tensor, "runs row"]

    @classmethod
    def unknown(
        cls, sets: Sequence[Sequence[Head]], probe: TextProbe | RepeatedTokens
    ) -> SetLosses:
        rows, length = probe.tokens.shape
        before = torch.full((rows, length - 1), torch.nan)
        was_run = torch.zeros(1 + len(sets), rows, dtype=torch.bool)
        return cls(sets, before, before.repeat(len(sets), 1, 1), was_run)

    def fill(
        self,
        number: int,
        own: Int[Tensor, "part 1"],
        columns: Int[Tensor, "part pos"],
        losses: Float[Tensor, "part pos"],
    ) -> None:
        into = self.before if number == 0 else self.after[number - 1]
        into[own, columns] = losses
        self.was_run[number, own.flatten()] = True

    def known(self) -> tuple[Losses, Float[Tensor, "set row pos"]]:
        """Of what was run on every row; NaN elsewhere."""
        of_all = self.was_run.all(1)
        before = torch.where(of_all[0], self.before, torch.nan)
        return before, torch.where(of_all[1:, None, None], self.after, torch.nan)


def _rows(probe: TextProbe | RepeatedTokens) -> Rows:
    if isinstance(probe, TextProbe):
        return Rows.masked(probe.tokens, probe.attention_mask)
    return Rows.whole(probe.tokens)


def donors_of(rows: int, seed: int) -> Int[Tensor, " row"]:
    """Of every row the one whose outputs it gets: another of its group, however many rows are run
    at a time.

    Raises:
        SelectionError: a group of a single row.
    """
    return torch.cat(
        [
            group.start + permutation_without_fixed_points(group.stop - group.start, seed)
            for group in _groups(rows)
        ]
    )


def _groups(rows: int) -> list[slice]:
    """At most `ABLATED_BATCH` rows each, as evenly as can be."""
    count = -(-rows // ABLATED_BATCH)
    return [
        slice(int(part[0]), int(part[-1]) + 1) for part in torch.arange(rows).tensor_split(count)
    ]
