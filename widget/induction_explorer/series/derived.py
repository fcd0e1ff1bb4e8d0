"""What is made of the curves once all are there: phase changes, and the components of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.changes.series import MEASURED, PhaseChanges, in_words, phase_changes
from induction_kernels.changes.step import Change, Dated
from induction_kernels.errors import InductionError
from induction_kernels.losses.components import LossPCA, loss_pca

from induction_explorer.choices import Unit, training_unit
from induction_explorer.series.known import Known

if TYPE_CHECKING:
    import xarray

#: `PhaseInfo` of js/src/kernel/model.ts, as long as nothing is known.
UNKNOWN: dict[str, Any] = {
    "window": None, "formation": None, "tested": False, "order": [], "turn": None, "text": "",
}  # fmt: skip

#: The measures and scores that phase changes are looked for in; a store may hold others alone.
_READ = {*MEASURED, "token_loss"}
_READ_OF_HEADS = {"prefix_matching", "induction"}


class Findings:
    """What is found in the curves of some series; nothing before `find` has run."""

    def __init__(self, sessions: Sequence[Known]) -> None:
        self._sessions = sessions
        #: `PhaseInfo` of js/src/kernel/model.ts, one a series.
        self.phases: list[dict[str, Any]] = []
        self.components: dict[str, np.ndarray] = {}
        self.components_text = ""

    def find(self) -> None:
        """On the worker's thread, when all curves are there."""
        unit = training_unit(self._sessions)
        self.phases = [phases_of(session, unit) for session in self._sessions]
        self.components, self.components_text = components_of(self._sessions)


def phases_of(session: Known, unit: Unit) -> dict[str, Any]:
    """`PhaseInfo` of js/src/kernel/model.ts, with every x in `unit`."""
    measures = _along(session.measures(), unit) if session.measured.arrays.keys() >= _READ else None
    own = any(one["own"] for one in session.score_infos())
    read = own or _READ_OF_HEADS & session.grids.keys()
    scores = _along(session.scores(), unit) if read else None
    try:
        phases = phase_changes(measures, scores)
    except InductionError as error:
        return UNKNOWN | {"text": str(error)}
    window = None if phases.window is None else phases.changes[phases.window]
    return {
        "window": None if window is None else _window(window),
        "formation": None if phases.formation is None else asdict(phases.formation),
        "tested": phases.tested,
        "order": [_dated(phases, name, one) for name, one in phases.order().items()],
        "turn": None
        if phases.turn is None
        else {
            "at": phases.turn.x,
            "interval": list(phases.turn.interval),
            "degrees": phases.turn.degrees,
        },
        "text": phases.text,
    }


def _along(curves: xarray.Dataset, unit: Unit) -> xarray.Dataset:
    """Curves over training in `unit`; in steps, whatever is known of tokens is left aside."""
    if unit == "tokens":
        return curves
    return curves.assign_coords(tokens=("checkpoint", np.full(curves.sizes["checkpoint"], np.nan)))


def _window(change: Change) -> dict[str, Any]:
    """`FoundWindow` of js/src/kernel/model.ts."""
    return {
        "from": change.start,
        "to": change.end,
        "from_interval": list(change.start_interval),
        "to_interval": list(change.end_interval),
    }


def _dated(phases: PhaseChanges, name: str, one: Dated) -> dict[str, Any]:
    """`DatedChange` of js/src/kernel/model.ts."""
    behind = None if phases.window in (None, name) else phases.lead(phases.window, name)
    return {
        "curve": in_words(name),
        "at": one.middle,
        "interval": list(one.middle_interval),
        "span": [one.start, one.end] if isinstance(one, Change) else None,
        "p": [one.p_value, one.p_error] if isinstance(one, Change) else None,
        "speaks": name == phases.window,
        "lag": None if behind is None else [behind.lag, *behind.interval],
    }


def components_of(sessions: Sequence[Known]) -> tuple[dict[str, np.ndarray], str]:
    """Per-token losses in the plane of their first components, by the keys of `_measures`, and
    what was fitted, in words.

    Series measured on the same tokens are fitted jointly; others cannot share a plane.
    """
    losses = {
        number: session.measured.arrays["token_loss"]
        for number, session in enumerate(sessions)
        if "token_loss" in session.measured.arrays
        and np.isfinite(session.measured.arrays["token_loss"]).all(1).sum() >= 3
    }
    if not losses:
        return {}, "A path needs losses at three checkpoints or more."
    same = len({sessions[number].measured.text_hash for number in losses}) == 1
    if same:
        joint = loss_pca({str(number): one for number, one in losses.items()})
        text = "one fit over all series" if len(losses) > 1 else "one fit"
    else:
        joint = {}
        for number, one in losses.items():
            joint |= loss_pca({str(number): one})
        text = "a fit for each series, because their tokenizers read the text differently"
    alone = loss_pca({str(number): one for number, one in losses.items()}, standardised=True)
    return _arrays("loss_pca", joint) | _arrays("loss_pca_standardised", alone), text


def _arrays(name: str, components: dict[str, LossPCA]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for number, one in components.items():
        arrays[f"{number}/{name}"] = one.points.astype(np.float32)
        arrays[f"{number}/{name}_explained"] = one.explained.astype(np.float32)
    return arrays
