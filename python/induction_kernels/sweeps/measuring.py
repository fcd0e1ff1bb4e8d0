"""What a sweep finds of each checkpoint, bound to its probes: scores, measures, of prompts and of
text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from induction_kernels.checkpoints import CheckpointSeries
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.errors import SelectionError
from induction_kernels.heads.page import Head
from induction_kernels.inputs.texts import TextProbe, Texts
from induction_kernels.losses.measure import MEASURES, Measure
from induction_kernels.losses.measures import Measurer
from induction_kernels.losses.tokens import in_context_learning_positions
from induction_kernels.models.model import Model
from induction_kernels.provenance import package_version
from induction_kernels.scores.own.arrays import ArrayScore, given_rows
from induction_kernels.scores.own.functions import FunctionScore
from induction_kernels.scores.own.given import Scores
from induction_kernels.scores.registry import (
    Scorer,
    check_scores,
    choose_scores,
    describe,
    describe_left_out,
)
from induction_kernels.scores.score import Score
from induction_kernels.sweeps.contents import Contents, Found, Variable
from induction_kernels.sweeps.pages import SweptPage
from induction_kernels.sweeps.pages import checked as checked_heads
from induction_kernels.sweeps.prompts import checked as checked_prompts
from induction_kernels.sweeps.reading_pages import PagesReader
from induction_kernels.sweeps.reading_prompts import PromptReader, coordinates, vocabulary


class Asked:
    """What a caller wants of each checkpoint.

    Args:
        scores: names from `SCORES` and the reader's own; None for all that the model allows.
        measures: names from `MEASURES`, or whether all are wanted; None where a text is given.
        texts: what losses are measured and heads read on; None for the default text.
        seed: of the probes' random tokens.
        prompts: texts, or pairs of a text and its answer.
        head_pages: the heads whose pages are kept; True for all.

    Raises:
        SelectionError: a score or a measure that does not exist, a score of the reader's called as
            one of ours or as a measure, a text that nothing is read on, or what is no prompt or no
            head.
    """

    def __init__(
        self,
        scores: Scores = None,
        measures: Iterable[str] | str | bool | None = None,
        texts: Texts | None = None,
        seed: int = 0,
        prompts: Iterable[str | tuple[str, str]] | str | None = None,
        head_pages: Iterable[Head] | bool | None = None,
    ) -> None:
        # An iterator can be read only once.
        every = check_scores(scores)
        # Ours by their names: another process has them itself.
        chosen = [score if score.own else score.name for score in every]
        self.scores = None if scores is None else chosen
        self.every = [score.name for score in every]
        self.own = [score.name for score in every if score.own]
        self.arrays = [score for score in every if isinstance(score, ArrayScore)]
        #: The model has to be one that a caller's function knows.
        self.calls_functions = any(isinstance(score, FunctionScore) for score in every)
        _refuse_measures(every)
        self.measures = _chosen(texts is not None if measures is None else measures)
        self.texts = texts if texts is None or isinstance(texts, TextProbe) else _kept(texts)
        self.seed = seed
        self.prompts = checked_prompts(prompts)
        self.head_pages = checked_heads(head_pages)
        if texts is not None and not self.measures and not self.head_pages:
            raise SelectionError(
                "texts= was given and no measure was asked for.",
                "Losses are measured on them: leave out measures=, or name some.",
            )

    @property
    def names(self) -> list[str]:
        """Of all that the model may allow, but for pages of heads."""
        of_prompts = (name for prompt in self.prompts for name in prompt.names)
        return [*self.every, *(one.name for one in self.measures), *of_prompts]

    def names_of_pages(self, every_head: Sequence[Head]) -> list[str]:
        """Of a model that has these heads."""
        heads = every_head if self.head_pages == "all" else self.head_pages
        return [name for head in heads for name in SweptPage(*head).names]


def _refuse_measures(scores: Iterable[Score]) -> None:
    for score in scores:
        if score.name in MEASURES:
            raise SelectionError(
                f"A score of your own is called {score.name!r}, as is a measure.",
                "Give it another name: scores={'my_name': ...}.",
            )


def _kept(texts: Any) -> Any:
    return texts if isinstance(texts, str) or hasattr(texts, "shape") else list(texts)


def _chosen(measures: Iterable[str] | str | bool) -> list[Measure]:
    if isinstance(measures, bool):
        return list(MEASURES.values()) if measures else []
    wanted = [measures] if isinstance(measures, str) else list(measures)
    unknown = [name for name in wanted if name not in MEASURES]
    if unknown:
        raise SelectionError(
            f"There is no measure {unknown[0]!r}.", f"Measures: {', '.join(MEASURES)}."
        )
    return [MEASURES[name] for name in dict.fromkeys(wanted)]


class Measuring:
    """Reads what was asked off one checkpoint after another, on the same tokens throughout.

    Raises:
        SelectionError: an array that is not of this series, or a head that the model does not
            have; says what differs.
        ProbeError: there has to be text, and it cannot be read by this model.
        PromptError: a prompt that cannot be run on this model.
        UnsupportedModelError: a score of weights that cannot be read.
    """

    def __init__(self, model: Model, asked: Asked, series: CheckpointSeries) -> None:
        for array in asked.arrays:
            array.check(series.name, list(series), (model.n_layers, model.n_heads))
        scores, left_out = choose_scores(asked.scores, model)
        self._left_out = left_out
        self._asked = asked
        self._read_off = {s.name: s for s in scores if not isinstance(s, ArrayScore)}
        self._scorer = Scorer(model, list(self._read_off.values()), seed=asked.seed)
        self._scores, self._shape = scores, (model.n_layers, model.n_heads)
        self._scorers = {tuple(self._read_off): self._scorer}
        on_text = asked.measures or asked.head_pages
        text = TextProbe.of(model, asked.texts) if on_text else None
        self._measurer = _measurer(model, text, asked.seed) if text and asked.measures else None
        self._pages = (
            PagesReader(model, asked.head_pages, text) if text and asked.head_pages else None
        )
        self._prompts = [PromptReader(model, prompt) for prompt in asked.prompts]
        of_prompts = (name for one in self._prompts for name in one.prompt.names)
        self.names = [
            *(score.name for score in self._scores),
            *(measure.name for measure in asked.measures),
            *of_prompts,
            *(self._pages.names if self._pages else ()),
        ]

    def __call__(self, model: Model, names: Sequence[str] | None = None) -> Found:
        """Arrays by name, of all that is read off the model.

        Args:
            names: of what is wanted; None for all.

        Raises:
            InductionError: a number that is none, as NaN weights give.
        """
        wanted = self.names if names is None else names
        found: dict[str, Any] = {}
        faults, changed = {}, {}
        scores = tuple(name for name in wanted if name in self._read_off)
        if scores:
            scorer = self._scorer_of(model, scores)
            found |= scorer(model)
            faults = {name: one.fault for name, one in scorer.readings.items() if one.fault}
            changes = {name: "; ".join(one.changed) for name, one in scorer.readings.items()}
            changed = {name: said for name, said in changes.items() if said}
        if self._measurer is not None and any(name in MEASURES for name in wanted):
            found |= self._measurer(model)
        found = {name: np.asarray(one, np.float32) for name, one in found.items()}
        for reader in self._prompts:
            if any(name in wanted for name in reader.prompt.names):
                found |= reader(model)
        if self._pages is not None:
            found |= self._pages(model, wanted)
        return Found({name: found[name] for name in wanted if name in found}, faults, changed)

    def add_given(self, found: Found, checkpoint: Checkpoint, names: Sequence[str]) -> None:
        """To what was read at a checkpoint, what was computed of it elsewhere."""
        arrays = [score for score in self._asked.arrays if score.name in names]
        rows, faults = given_rows(arrays, checkpoint, self._shape)
        found.update(rows)
        found.faults = {**found.faults, **faults}

    def _scorer_of(self, model: Model, names: tuple[str, ...]) -> Scorer:
        """Others that are known of a checkpoint are not read again."""
        if names not in self._scorers:
            scores = [self._read_off[name] for name in names]
            self._scorers[names] = Scorer(model, scores, seed=self._asked.seed)
        return self._scorers[names]

    def contents(self, model: Model, series: str) -> Contents:
        """Of a sweep of the series of this name."""
        provenance = model.provenance()
        # Older stores, which may be added to, do not say how many heads have keys.
        noted = {
            name: provenance.pop(name) for name in ("device", "key_heads") if name in provenance
        }
        notes = noted | describe_left_out(self._left_out)
        attrs = provenance | {
            "series": series,
            "parameters": sum(p.numel() for p in model.module.parameters()),
            "context": model.n_ctx,
            "vocabulary": model.d_vocab,
            "package_version": package_version(),
        }
        coords = {name: (name, np.array(values)) for name, values in model.axes.items()}
        grid = (model.n_layers, model.n_heads)
        variables = [
            Variable(score.name, ("layer", "head"), grid, _of_score(self._scorer, score))
            for score in self._scores
        ]
        if self._measurer is not None:
            measurer = self._measurer
            sizes = {"position": measurer.positions, "row": len(measurer.text.tokens)}
            coords["position"] = ("position", np.arange(measurer.positions))
            coords["chosen_position"] = ("row", measurer.chosen.numpy())
            variables += [
                Variable(
                    one.name,
                    one.dims[1:],
                    tuple(sizes[dim] for dim in one.dims[1:]),
                    _of_measure(measurer, one),
                )
                for one in self._asked.measures
            ]
        variables += [one for reader in self._prompts for one in reader.variables(model)]
        coords |= coordinates(self._prompts)
        if self._pages is not None:
            variables += self._pages.variables()
            coords |= self._pages.coordinates()
        if self._prompts or self._pages is not None:
            coords |= vocabulary(model)
        return Contents(attrs, notes, variables, coords)

    @property
    def notes(self) -> dict[str, str]:
        """What is known once a checkpoint was read."""
        path = {name: one for name, one in self._scorer.provenance().items() if name == "attention"}
        for scorer in self._scorers.values():
            path |= {n: one for n, one in scorer.provenance().items() if n == "attention"}
        return path


def _measurer(model: Model, text: TextProbe, seed: int) -> Measurer:
    predicted = min(model.n_ctx, text.tokens.shape[1] - 1)
    positions = in_context_learning_positions(predicted)
    return Measurer(model, text, positions=positions, seed=seed)


def _of_score(scorer: Scorer, score: Score) -> dict[str, object]:
    facts = scorer.facts(score)
    ends = dict(zip(("lowest", "highest"), facts.range, strict=True))
    return {
        **describe(scorer, score),
        **{name: end for name, end in ends.items() if end is not None},
        "group": score.group,
        "colours": score.colours,
        "measured_on": facts.probe,
        "kind": "score",
        "units": score.units,
    }


def _of_measure(measurer: Measurer, measure: Measure) -> dict[str, object]:
    share: dict[str, object] = {"copyable_share": measurer.share}
    where: dict[str, dict[str, object]] = {
        "copyable_loss": share,
        "other_loss": share,
        "in_context_learning": {"early": measurer.early, "late": measurer.late},
        "token_loss": {"chosen_positions_seed": measurer.seed},
    }
    on = measurer.text if measure.on_text else measurer.repeated
    return {
        "title": measure.title,
        "formula": measure.formula,
        "meaning": measure.meaning,
        "source": measure.source,
        **on.provenance(),
        **where.get(measure.name, {}),
        "kind": "measure",
        "units": measure.units,
    }
