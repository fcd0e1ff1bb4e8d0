"""The names of checkpoints, lined up along training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from induction_kernels.checkpoints.hub.suites import Suite
from induction_kernels.checkpoints.source import Checkpoint
from induction_kernels.errors import CheckpointError

_AVERAGE = re.compile(r"soup|ema|merge|average|(?<![a-z])avg", re.IGNORECASE)
_B = 10**9


@dataclass(frozen=True)
class Named:
    """A checkpoint and where it lies.

    Attributes:
        revision: the branch or tag; "main" for what is a file or a folder there.
        path: the file or folder there; "" where the whole revision is the checkpoint.
        number: by which it is chosen: what its name counts.
        billions: of tokens, as its name says.
    """

    repository: str
    revision: str
    path: str
    number: int
    checkpoint: Checkpoint
    billions: int | None = None

    @property
    def name(self) -> str:
        return self.path or self.revision


@dataclass
class Line:
    """Attributes:
    points: in training order.
    left_out: why names that look like checkpoints are no points of it.
    end: the number of the last point that there is, wanted or not.
    still: the first two of the suite hold the same weights, and should.
    """

    points: list[Named] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    end: int = -1
    still: bool = False


@dataclass(frozen=True)
class _Read:
    """What a name says, word for word."""

    repository: str
    name: str
    step: int | None
    tokens: int | None
    billions: int | None
    stage: int
    run: str | None


def line_up(suite: Suite, names: Sequence[tuple[str, str]], run: str | None) -> Line:
    """The checkpoints of one run.

    Args:
        names: of repositories and of what is in each.
        run: one that goes on by itself; None for what all have in common, or the only one.

    Raises:
        CheckpointError: there are several runs and nothing in common, or no such run.
    """
    line = Line(still=suite.still)
    read = []
    for repository, name in names:
        one = _read(suite, repository, name)
        if one is not None:
            read.append(one)
        elif _AVERAGE.search(name):
            line.left_out[name] = "an average of checkpoints: no point of training"
    chosen = _of_run(read, run, line)
    offsets = _offsets(suite, chosen)
    in_tokens = suite.tokens_above is not None and any(
        (one.step or 0) > suite.tokens_above for one in chosen
    )
    taken: dict[int, str] = {}
    for one in sorted(chosen, key=lambda one: _number(one) + offsets[one.stage]):
        number = _number(one) + offsets[one.stage]
        if number in taken:
            line.left_out[one.name] = f"{taken[number]} is the same point of training"
            continue
        taken[number] = one.name
        named = in_tokens or one.step is None
        checkpoint = (
            Checkpoint(
                len(line.points), number, name=f"checkpoint {len(line.points)}", unit="checkpoints"
            )
            if named
            else Checkpoint(
                number, _tokens(suite, one, number), name=_label(suite, one), unit=suite.unit
            )
        )
        revision, path = (one.name, "") if suite.where == "refs" else ("main", one.name)
        line.end = number
        line.points.append(Named(one.repository, revision, path, number, checkpoint, one.billions))
    return line


def _read(suite: Suite, repository: str, name: str) -> _Read | None:
    if name == "main" and suite.main is not None:
        return _Read(repository, name, suite.main, None, None, 1, None)
    match = re.fullmatch(suite.pattern, name)
    if match is None:
        return None
    said = match.groupdict()
    numbers = {key: None if said.get(key) is None else int(said[key]) for key in ("B", "tokens")}
    step = said.get("step")
    if step is None and not any(value is not None for value in numbers.values()):
        step = match[1]
    return _Read(
        repository, name, None if step is None else int(step), numbers["tokens"], numbers["B"],
        int(said.get("stage") or 1), said.get("run"),
    )  # fmt: skip


def _number(one: _Read) -> int:
    """Where it lies in its stage."""
    if one.step is not None:
        return one.step
    return one.tokens if one.tokens is not None else (one.billions or 0) * _B


def _of_run(read: list[_Read], run: str | None, line: Line) -> list[_Read]:
    runs = sorted({one.run for one in read if one.run is not None})
    trunk = [one for one in read if one.run is None]
    if run is None and not trunk and len(runs) > 1:
        raise CheckpointError(
            f"There are {len(runs)} runs ({_some(runs)}).", f"Give one: run={runs[0]!r}."
        )
    if run is not None and run not in runs:
        raise CheckpointError(
            f"There is no run {run!r}.",
            f"Give one of {_some(runs)}." if runs else "There is one run only: leave it out.",
        )
    run = runs[0] if run is None and not trunk and runs else run
    mine = [one for one in read if one.run == run]
    if run is not None:
        # What it goes on from; without stages, nobody says that it goes on from anything.
        begins = min(one.stage for one in mine)
        mine = [one for one in trunk if one.stage < begins] + mine
    for one in read:
        if one.run is not None and one.run != run:
            line.left_out[one.name] = f"of another run: run={one.run!r}"
        elif one not in mine:
            line.left_out[one.name] = f"not of run {run!r}"
    return mine


def _offsets(suite: Suite, read: Iterable[_Read]) -> dict[int, int]:
    """By stage: the steps of those before it."""
    ends: dict[int, int] = {}
    for one in read:
        ends[one.stage] = max(ends.get(one.stage, 0), _number(one))
    offsets, before = {}, 0
    for stage in sorted(ends):
        offsets[stage] = 0 if suite.cumulative else before
        before += ends[stage]
    return offsets


def _tokens(suite: Suite, one: _Read, step: int) -> int | None:
    if suite.batch is not None and (one.stage == 1 or suite.stages_alike):
        return suite.batch * step if isinstance(suite.batch, int) else suite.batch(step)
    if one.stage > 1 and not suite.cumulative:
        return None  # of a stage by itself
    return one.tokens if one.billions is None else one.billions * _B


def _label(suite: Suite, one: _Read) -> str | None:
    if suite.label is not None:
        return suite.label.format(one.step)
    return f"stage {one.stage}, step {one.step:,}" if one.stage > 1 else None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more
