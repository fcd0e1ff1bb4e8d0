"""What is known of one series: what an explorer needs of it, whoever computed it."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.findings import Finding
from induction_kernels.errors import InductionError, SelectionError
from induction_kernels.names import legible

from induction_explorer.series.following import follow
from induction_explorer.series.results import Question, Results

if TYPE_CHECKING:
    import xarray
    from induction_kernels.sweeps.prompts import SweptPrompt

    from induction_explorer.contract import Arrays, Head
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession


class Watcher(Protocol):
    """Shows what is known of a session."""

    def see_measures(self) -> None:
        """More of them are known, whoever asked for them."""

    def see_findings(self) -> None:
        """More is known against its checkpoints."""

    def see_growth(self, session: Known, moved: Sequence[int]) -> None:
        """There are more checkpoints, scores or measures; `moved` says which number each of the
        checkpoints that were there has now."""

    def see_prompts(self, session: Known) -> None:
        """More is kept of prompts."""

    def see_mended(self, session: Known, checkpoints: Sequence[int]) -> None:
        """These could not be used, and maybe can by now."""


class Checkpoints(Protocol):
    """Where checkpoints lie along training; a CheckpointSeries is one."""

    @property
    def labels(self) -> list[str]: ...
    @property
    def steps(self) -> list[int]: ...
    @property
    def unit(self) -> str: ...
    @property
    def tokens(self) -> list[int | None]: ...
    @property
    def tokens_estimated(self) -> list[bool]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Checkpoint: ...


class Measurements(Protocol):
    """Measures along training.

    Attributes:
        arrays: [checkpoint, ...] by measure, NaN where nothing is known; none before the first.
        positions: those that curves over positions have.
    """

    arrays: dict[str, np.ndarray]
    positions: np.ndarray

    @property
    def on(self) -> str:
        """The text that losses are measured on, or why they are not; "" until that is known."""

    @property
    def unasked(self) -> bool:
        """They come without being asked for."""

    @property
    def text_hash(self) -> str:
        """Of the tokens that losses are measured on; "" without any."""

    def knows(self, checkpoint: int) -> bool:
        """Whether there is nothing left to be done there."""


class Known:
    """A series, its scores and its measures, as far as they are there.

    Attributes:
        grids: [checkpoint, layer, head] by score, NaN where nothing is known.
        faults: why checkpoints cannot be shown; a new dict with each of them.
        left_out: scores that are not measured, by title, and why.
        attending: the layers that have attention; hybrid models have others too.
        key_heads: heads of keys and values of each layer, 0 where that is not known; none where no
            heads are known to share them.
        light: small enough to ask a question of every checkpoint.
    """

    series: Checkpoints
    measured: Measurements
    grids: dict[str, np.ndarray]
    name: str
    layers: int
    heads: int
    context: int
    attending: list[int]
    key_heads: list[int]
    light: bool
    left_out: Mapping[str, str]

    def __init__(self) -> None:
        self.faults: dict[int, str] = {}
        self._scored: set[int] = set()
        #: What was asked of its checkpoints; touched with SHARED.
        self.results = Results()
        #: Explorers that show it; touched with SHARED.
        self.watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._followed = False

    def with_model(self) -> SeriesSession:
        """The same, where there is a model to ask.

        Raises:
            InductionError: there is none; says what would have one.
        """
        raise NotImplementedError

    def default_prompt(self) -> tuple[str, str]:
        """And its answer."""
        raise NotImplementedError

    @property
    def without_model(self) -> str | None:
        """What goes on after its name and says what it is, where no model is there to ask; None
        where there is one."""
        return None

    @property
    def held(self) -> Sequence[str]:
        """The analyses whose answers are kept, where there is no model."""
        return ()

    @property
    def kept_prompts(self) -> Sequence[SweptPrompt]:
        """The only ones that can be asked about, where there is no model; otherwise none."""
        return ()

    def read_prompt(self, text: str, answer: str) -> Prompt:
        """As this series reads it.

        Raises:
            InductionError: a prompt or an answer that cannot be run, or was not kept.
        """
        raise NotImplementedError

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """What they stand for."""
        raise NotImplementedError

    @property
    def text_origin(self) -> str:
        """Where the text is from that heads are read on, in words.

        Raises:
            ProbeError: there is none.
        """
        raise NotImplementedError

    def row_as_prompt(self, ids: Sequence[int]) -> str | None:
        """A row of it as text that can be run; None where only what is kept can."""
        return None

    def answers(self, question: Question, checkpoints: Sequence[int]) -> dict[int, Arrays]:
        """As far as they are known at these."""
        kept = {i: question.analysis.kept(self, i) for i in checkpoints}
        found = {i: self.results.get(question, i) if a is None else a for i, a in kept.items()}
        return {i: arrays for i, arrays in found.items() if arrays is not None}

    def lacks(self, question: Question, checkpoint: int) -> InductionError:
        """Why there is no answer, where there is no model to ask."""
        raise NotImplementedError

    def score_infos(self) -> list[dict[str, Any]]:
        """`ScoreInfo` of js/src/kernel/model.ts of each score."""
        raise NotImplementedError

    def why_not(self, score: str) -> str | None:
        """Why a score is not measured; None of one that does not exist."""
        raise NotImplementedError

    def scores(self) -> xarray.Dataset:
        """[checkpoint, layer, head], a variable a score; NaN where nothing is computed (yet)."""
        raise NotImplementedError

    def measures(self) -> xarray.Dataset:
        """[checkpoint], [checkpoint, position] and [checkpoint, row]; NaN likewise."""
        raise NotImplementedError

    @property
    def unchecked(self) -> bool:
        """Whether checkpoints are what their names say can be seen by lists that are asked for
        anyway, and was not."""
        return False

    @property
    def findings(self) -> list[Finding]:
        """What is known of checkpoints that may not be what their names say."""
        raise NotImplementedError

    def check(self) -> Generator[None, None, None]:
        """See what is known of that, list by list."""
        yield from ()

    def forget_faults(self) -> None:
        """What failed may be tried anew."""

    def score_alone(self, checkpoint: int, name: str) -> Generator[None, None, None]:
        """Fill the row of this score's grid, in a fraction of the time that all take."""
        yield from ()

    def score(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of every grid, part by part, or the checkpoint's fault; `then` is wanted
        next."""
        yield from ()

    def measure(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of every measure, pass by pass; `then` is wanted next."""
        yield from ()

    def without_own(self, checkpoints: Iterable[int]) -> list[int]:
        """At which of these `score_own` has something left to do."""
        return []

    def score_own(self, checkpoint: int, then: int | None = None) -> Generator[None, None, None]:
        """Fill one row of the grids of the reader's own scores that are not read with ours."""
        yield from ()

    def retry_own(self, name: str) -> list[int]:
        """At which checkpoints one of the reader's own scores is to be computed again."""
        return []

    @property
    def grows(self) -> bool:
        """Whether others may add to it."""
        raise NotImplementedError

    def look(self) -> None:
        """See what others added since, and tell those who show it."""

    def follow(self) -> None:
        """Look now and then, as long as an explorer shows it. Call it with SHARED."""
        if self.grows and not self._followed:
            self._followed = True
            follow(self)

    @property
    def is_watched(self) -> bool:
        return len(self.watchers) > 0

    def rest(self) -> None:
        self._followed = False

    def is_scored(self, checkpoint: int) -> bool:
        return checkpoint in self._scored

    def knows(self, checkpoint: int, score: str) -> bool:
        """Whether nothing is left to be done for a score there."""
        return self.is_scored(checkpoint)

    def best_heads(self, checkpoint: int, *scores: str) -> list[list[int]]:
        """The head with the highest value of each score; none before these are known, and where the
        checkpoint failed."""
        grids = [self.grids[score][checkpoint] for score in scores if score in self.grids]
        known = [grid for grid in grids if np.isfinite(grid).any()]
        if len(known) < len(grids) and not self.is_scored(checkpoint):
            return []
        best = [divmod(int(np.nanargmax(grid)), self.heads) for grid in known]
        return [list(head) for head in dict.fromkeys(best)]

    def check_checkpoints(self, checkpoints: Sequence[int]) -> None:
        """Whether these, counted from 0, exist.

        Raises:
            SelectionError: one does not.
        """
        last = len(self.series) - 1
        for checkpoint in checkpoints:
            if checkpoint > last:
                raise SelectionError(
                    f"There is no checkpoint {checkpoint} in {self.name}.",
                    f"Checkpoints go from 0 to {last}.",
                )

    def check_head(self, head: Head) -> None:
        """Whether it exists, in a layer that has attention.

        Raises:
            SelectionError: it does not.
        """
        layer, index = head
        if not (0 <= layer < self.layers and 0 <= index < self.heads):
            raise SelectionError(
                f"There is no head {index} in layer {layer} of {self.name}.",
                f"Layers go from 0 to {self.layers - 1}, heads from 0 to {self.heads - 1}.",
            )
        if layer not in self.attending:
            raise SelectionError(
                f"Layer {layer} of {self.name} has no attention.",
                f"Layers with attention: {', '.join(map(str, self.attending))}.",
            )

    @property
    def every_head(self) -> list[Head]:
        """Layer by layer; those without attention have none."""
        return [(layer, head) for layer in self.attending for head in range(self.heads)]

    def info(self) -> dict[str, Any]:
        """`SeriesInfo` of js/src/kernel/model.ts."""
        return {
            "name": self.name,
            "labels": self.series.labels,
            "steps": self.series.steps,
            "step_unit": self.series.unit,
            "tokens": self.series.tokens,
            "tokens_estimated": self.series.tokens_estimated,
            "layers": self.layers,
            "heads": self.heads,
            "attending": self.attending,
            "key_heads": self.key_heads,
            "context": self.context,
            "without_model": self.without_model,
            "held": list(self.held),
            "kept_prompts": [[one.text, one.answer] for one in self.kept_prompts],
            "light": self.light,
            "measured_unasked": self.measured.unasked,
            "left_out": {title: legible(reason) for title, reason in self.left_out.items()},
            "faults": {str(i): legible(why) for i, why in sorted(self.faults.items())},
            "findings": _grouped(self.findings),
        }


def _grouped(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """`Finding` of js/src/kernel/model.ts: many checkpoints may share one."""
    groups: defaultdict[tuple[bool, str], list[int]] = defaultdict(list)
    for one in findings:
        if one.status != "unknown":
            groups[one.status == "fault", legible(one.reason)].append(one.checkpoint)
    return [
        {"doubtful": doubtful, "reason": reason, "checkpoints": checkpoints}
        for (doubtful, reason), checkpoints in groups.items()
    ]
