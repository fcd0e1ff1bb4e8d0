"""The phase change of a series: which of its curves change abruptly, when, and in which order.

The measures and the heads are looked at apart: what is found in the measures stands, however many
heads were looked at as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from induction_kernels.changes.step import FEWEST, Change, Dated, Lead, find_steps, lead
from induction_kernels.checkpoints.coordinates import unit_of
from induction_kernels.errors import ProbeError
from induction_kernels.losses.components import Turn, find_turn

if TYPE_CHECKING:
    import pandas
    import xarray

#: The scores in which heads become induction heads; the first that there is is read.
INDUCTION = ("prefix_matching", "induction")
#: Measures in which a change is looked for.
MEASURED = ("in_context_learning", "loss", "induction_loss")
#: A head's score has to rise by this much to be called a change.
SMALLEST_RISE = 0.05
#: A head whose prefix matching rises by this much becomes an induction head: weaker ones match
#: prefixes a little beside what else they do.
INDUCTION_RISE = 0.3
#: From so many checkpoints on, it is said between which most of the change lies.
FEWEST_TO_COMPARE = 5
#: More curves than this are counted, not named.
_NAMED = 8


@dataclass(frozen=True)
class Neighbours:
    """The two neighbouring checkpoints between which a curve moves most; no test of anything.

    Attributes:
        before, after: their tokens (or steps).
        size: the move from one to the other, in the unit of the curve.
        share: of the curve's range.
    """

    before: float
    after: float
    size: float
    share: float


@dataclass(frozen=True)
class Formation:
    """Induction heads form.

    Attributes:
        start, end: where the first of these changes starts and the last of them ends, in tokens (or
            steps).
        heads: "L1H2", in the order in which half of each change is done.
    """

    start: float
    end: float
    heads: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PhaseChanges:
    """What was found in the curves of one series.

    Attributes:
        changes: by curve: a measure, or "prefix_matching L1H2". Curves without a change are left
            out.
        gradual: steps beyond chance that take longer than a doubling, likewise.
        undone: steps beyond chance that do not last, however long they take, likewise.
        between: with too few checkpoints for a test, where each measure, and the head that rises
            most, move most.
        window: the curve that speaks for the whole model, or None: see `phase_changes`.
        turn: where the path of the per-token losses turns most.
        text: what was looked at and what was found, in words.
    """

    changes: Mapping[str, Change]
    gradual: Mapping[str, Change]
    undone: Mapping[str, Change]
    between: Mapping[str, Neighbours]
    window: str | None
    turn: Turn | None
    text: str

    @property
    def formation(self) -> Formation | None:
        """The heads whose prefix matching rises abruptly, by `INDUCTION_RISE` or more; None without
        such heads."""
        rising = {
            name.split()[-1]: change
            for name, change in self.changes.items()
            if _score_of(name) in INDUCTION and change.size >= INDUCTION_RISE
        }
        if not rising:
            return None
        return Formation(
            min(change.start for change in rising.values()),
            max(change.end for change in rising.values()),
            tuple(sorted(rising, key=lambda head: rising[head].middle)),
        )

    @property
    def tested(self) -> bool:
        """Whether there were checkpoints enough to test for a change."""
        return not self.between

    def order(self) -> dict[str, Dated]:
        """Every change by its curve, and the turn as "loss_pca", in the order they came in."""
        dated: dict[str, Dated] = dict(self.changes)
        if self.turn is not None:
            dated["loss_pca"] = self.turn
        return dict(sorted(dated.items(), key=lambda item: item[1].middle))

    def lead(self, first: str, second: str) -> Lead:
        """How much later the change of `second` comes than that of `first`.

        Args:
            first, second: names of curves, or "loss_pca" for the turn.

        Raises:
            ProbeError: a curve that has no change.
        """
        dated = self.order()
        for name in (first, second):
            if name not in dated:
                raise ProbeError(
                    f"{name!r} has no change.",
                    f"Changes were found in: {', '.join(dated) or 'no curve'}.",
                )
        return lead(dated[first], dated[second])

    def to_dataframe(self) -> pandas.DataFrame:
        """A row a change: start, middle, end, their intervals, doublings, size and p."""
        import pandas as pd

        rows = {
            name: {
                "start": change.start,
                "start_low": change.start_interval[0],
                "start_high": change.start_interval[1],
                "middle": change.middle,
                "end": change.end,
                "end_low": change.end_interval[0],
                "end_high": change.end_interval[1],
                "doublings": change.doublings,
                "size": change.size,
                "p": change.p_value,
                "p_error": change.p_error,
            }
            for name, change in self.changes.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")


def phase_changes(
    measures: xarray.Dataset | None = None,
    scores: xarray.Dataset | None = None,
    *,
    level: float = 0.05,
    seed: int = 0,
) -> PhaseChanges:
    """Abrupt changes in the measures and in the heads' prefix matching of one series.

    The window of the model as a whole is that of in-context learning or of the induction loss:
    where both change, of the one whose ends are known better; where neither does, that of the head
    which rises most. With 5 to 9 checkpoints nothing is tested; what is said is between which two
    most of the change lies.

    Args:
        measures: what `measures(series)` returns.
        scores: what `sweep(series)` returns; prefix_matching is read, or induction without it, and
            beside it each of your own.
        level: of each measure, and of all heads of a score together (Holm).
        seed: of draws; what is found does not depend on it.

    Raises:
        ProbeError: neither is given, or there are too few checkpoints.
    """
    given = [one for one in (measures, scores) if one is not None]
    if not given:
        raise ProbeError("No curves were given.", "Give measures(series), sweep(series), or both.")
    x, unit = _training(given[0])
    curves = {} if measures is None else {name: measures[name].to_numpy() for name in MEASURED}
    name, heads = _heads(scores)
    own = _own_heads(scores)
    every = _every(curves, heads, *own.values())
    known = max((int(np.isfinite(one).sum()) for one in every), default=0)
    if known < FEWEST_TO_COMPARE:
        raise ProbeError(
            f"A phase change needs {FEWEST} checkpoints; "
            f"there {'is' if known == 1 else 'are'} {known}.",
            f"Use a series of more checkpoints; from {FEWEST_TO_COMPARE} on, it is said between "
            "which two most of the change lies.",
        )
    turn = None if measures is None else find_turn(x, measures["token_loss"].values, seed=seed)
    if known < FEWEST:
        between = _between(x, curves | _rising_most(heads))
        return PhaseChanges({}, {}, {}, between, None, turn, _short_text(known, between, unit))
    stepping: dict[str, Change] = {}
    for measure, curve in curves.items():
        (step,) = find_steps(x, curve[:, None], level=level, seed=seed)
        stepping |= {} if step is None else {measure: step}
    if heads:
        stepping |= _steps_of(x, heads, SMALLEST_RISE, level, seed)
    for one in own.values():
        stepping |= _steps_of(x, one, SMALLEST_RISE * _range(one), level, seed)
    lasting = {curve: step for curve, step in stepping.items() if step.lasts}
    undone = {curve: step for curve, step in stepping.items() if not step.lasts}
    changes = {curve: step for curve, step in lasting.items() if step.abrupt}
    gradual = {curve: step for curve, step in lasting.items() if not step.abrupt}
    looked_at = ["in-context learning, loss, induction loss"] if curves else []
    looked_at += [f"{in_words(name)} of {len(heads)} heads (Holm)"] if heads else []
    looked_at += [f"{in_words(one)} of {len(of)} heads (Holm)" for one, of in own.items()]
    text = _text(changes, gradual, undone, unit, level, looked_at)
    return PhaseChanges(changes, gradual, undone, {}, _window(changes), turn, text)


def in_words(name: str) -> str:
    """A key of `changes` or `order`, to be read."""
    if name == "loss_pca":
        return "turn of the path of losses"
    return name.replace("in_context", "in-context").replace("_", " ")


def _heads(scores: xarray.Dataset | None) -> tuple[str, dict[str, np.ndarray]]:
    """The score that is read, and its curve by head; none where there is neither."""
    name = next((one for one in INDUCTION if scores is not None and one in scores), "")
    return name, {} if scores is None or not name else _by_head(name, scores[name].to_numpy())


def _score_of(curve: str) -> str:
    """Of "prefix_matching L1H2"."""
    return curve.rpartition(" ")[0]


def _own_heads(scores: xarray.Dataset | None) -> dict[str, dict[str, np.ndarray]]:
    """The curves by head of each of the reader's own scores, of heads with numbers enough."""
    own = {} if scores is None else {n: v for n, v in scores.items() if v.attrs.get("own")}
    curves = {str(name): _by_head(str(name), one.to_numpy()) for name, one in own.items()}
    known = {
        name: {head: one for head, one in of.items() if np.isfinite(one).sum() >= FEWEST}
        for name, of in curves.items()
    }
    return {name: of for name, of in known.items() if of}


def _by_head(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {
        f"{name} L{layer}H{head}": values[:, layer, head]
        for layer in range(values.shape[1])
        for head in range(values.shape[2])
    }


def _every(*curves: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    return [one for of in curves for one in of.values()]


def _range(curves: Mapping[str, np.ndarray]) -> float:
    values = np.stack(list(curves.values()))
    return float(np.nanmax(values) - np.nanmin(values))


def _steps_of(
    x: np.ndarray, heads: Mapping[str, np.ndarray], smallest: float, level: float, seed: int
) -> dict[str, Change]:
    """Of all heads together, the highest first."""
    every = np.stack(list(heads.values()), 1)
    steps = find_steps(x, every, level=level, smallest=smallest, seed=seed)
    rising = [(one, step) for one, step in zip(heads, steps, strict=True) if step is not None]
    return dict(sorted(rising, key=lambda item: -item[1].size))


def _window(changes: Mapping[str, Change]) -> str | None:
    rising = (
        name for name, one in changes.items() if _score_of(name) in INDUCTION and one.size > 0
    )
    whole = [name for name in ("in_context_learning", "induction_loss") if name in changes]
    return min(whole, key=lambda name: _doubt(changes[name]), default=next(rising, None))


def _doubt(change: Change) -> float:
    """How wide the intervals of its two ends are, in tokens (or steps)."""
    return sum(high - low for low, high in (change.start_interval, change.end_interval))


def _between(x: np.ndarray, curves: Mapping[str, np.ndarray]) -> dict[str, Neighbours]:
    neighbours = {}
    for name, curve in curves.items():
        known = np.isfinite(curve)
        at, values = x[known], curve[known]
        if len(at) < 2 or np.ptp(values) == 0:
            continue
        moves = np.diff(values)
        i = int(np.abs(moves).argmax())
        share = float(abs(moves[i]) / np.ptp(values))
        neighbours[name] = Neighbours(float(at[i]), float(at[i + 1]), float(moves[i]), share)
    return neighbours


def _rising_most(heads: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The head that rises most between two neighbours, if by enough."""
    rises = {
        name: np.diff(curve[np.isfinite(curve)]).max(initial=0.0) for name, curve in heads.items()
    }
    most = max(rises, key=lambda name: rises[name], default=None)
    return {} if most is None or rises[most] < SMALLEST_RISE else {most: heads[most]}


def _text(
    changes: Mapping[str, Change],
    gradual: Mapping[str, Change],
    undone: Mapping[str, Change],
    unit: str,
    level: float,
    looked_at: list[str],
) -> str:
    faster = f"faster than a doubling of the {unit} seen"
    abrupt = (
        f"found in: {_some([in_words(name) for name in changes])} ({faster})"
        if changes
        else f"none found {faster}"
    )
    slow = [
        f"{in_words(name)} (gradual {_way(one)}, {one.doublings:.1f} doublings)"
        for name, one in gradual.items()
    ]
    brief = [
        f"{in_words(name)} ({_way(one)} of {_short(abs(one.size))} within {one.doublings:.1f} "
        "doublings)"
        for name, one in undone.items()
    ]
    return (
        f"Abrupt changes, {level:.0%} level: {abrupt}. "
        + (f"Slower: {_some(slow)}. " if slow else "")
        + (f"Undone by the rest of the curve: {_some(brief)}. " if brief else "")
        + f"Looked at: {'; '.join(looked_at)}. One change in each is looked for, of a tenth of its "
        "range or more, that lasts; two of like height hide each other."
    )


def _way(change: Change) -> str:
    return "rise" if change.size > 0 else "fall"


def _short_text(count: int, between: Mapping[str, Neighbours], unit: str) -> str:
    moves = [
        f"{in_words(name)} {_short(one.before)}–{_short(one.after)} {unit} ({one.share:.0%})"
        for name, one in between.items()
    ]
    return (
        f"{count} checkpoints are too few to test for a phase change; {FEWEST} are enough. "
        f"Neighbours between which each curve moves most, and the share of its range: "
        f"{'; '.join(moves)}."
    )


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _short(x: float) -> str:
    return f"{x:.3g}".replace("e+0", "e").replace("e+", "e")


def _training(dataset: xarray.Dataset) -> tuple[np.ndarray, str]:
    """Tokens at each checkpoint, or steps where they are not known, and what is counted."""
    tokens = np.asarray(dataset["tokens"].values, float)
    if np.isfinite(tokens).all():
        return tokens, "tokens"
    return np.asarray(dataset["step"].values, float), unit_of(dataset)
