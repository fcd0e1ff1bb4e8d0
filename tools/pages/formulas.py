"""Writes docs/scores.md from what the package says of its scores and measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from induction_kernels import MEASURES, SCORES
from induction_kernels.inputs.bigrams import LENGTH
from induction_kernels.losses.measure import Measure
from induction_kernels.scores.effective_rank import RankScore
from induction_kernels.scores.of_attention import AttentionScore
from induction_kernels.scores.of_causes.scores import CauseScore
from induction_kernels.scores.of_outputs.scores import OutputScore
from induction_kernels.scores.of_weights.scores import WeightScore
from induction_kernels.scores.score import Score

PAGE = Path(__file__).parents[2] / "docs" / "scores.md"
_BEGINNING = """\
# Scores and measures

Made by `make docs` from `induction_kernels.SCORES` and `MEASURES`, which the widget shows beside
its pickers, with each score's chance level on the model shown.

A[q, k] is the pattern after the softmax, S[q, k] the score before it, P the period of the repeated
tokens, L[i] the loss of predicting token i + 1 in nats; positions count from 0, BOS among them.
[Concepts](concepts.md) says what a probe is, and has the papers.
"""


def page() -> str:
    return "".join((_BEGINNING, *_scores(SCORES.values()), *_measures(MEASURES.values())))


def _scores(scores: Iterable[Score]) -> Iterator[str]:
    for group, members in groupby(scores, key=lambda score: score.group):
        yield f"\n## {group}\n"
        for score in members:
            yield _entry(score, {"range": _range(score), "read on": _read_on(score)})


def _measures(measures: Iterable[Measure]) -> Iterator[str]:
    yield "\n## Measures\n"
    for measure in measures:
        on = "held-out text" if measure.on_text else "repeated random tokens"
        yield _entry(measure, {"one number per": measure.per, "read on": on, "unit": measure.units})


def _entry(said: Score | Measure, facts: dict[str, str]) -> str:
    rows = {"formula": said.formula, **facts, "source": said.source}
    table = "".join(f"| {name} | {_cell(value)} |\n" for name, value in rows.items())
    return f"\n### `{said.name}`\n\n{said.meaning}\n\n| {said.title} | |\n|---|---|\n{table}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_")


def _range(score: Score) -> str:
    if isinstance(score, RankScore):
        return "0 to the size of a head, or to the number of rows"
    assert isinstance(score, AttentionScore | WeightScore | OutputScore | CauseScore)
    low, high = score.range
    if low is None and high is None:
        return "unbounded" if not getattr(score, "detects", None) else "up to the ceiling shown"
    return f"{low:g} to {high:g}"


def _read_on(score: Score) -> str:
    if isinstance(score, WeightScore):
        return "weights, and random tokens" if score.on_tokens else "weights"
    if isinstance(score, AttentionScore | RankScore) and score.bigrams is not None:
        return (
            f"{score.bigrams} rows of {LENGTH} random tokens, the last of which stood once before"
        )
    assert isinstance(score, AttentionScore | OutputScore | CauseScore)
    if not score.copies:
        return "text"
    return f"BOS and {score.copies} copies of {score.period} random tokens"


def write() -> None:
    PAGE.write_text(page(), encoding="utf-8")
