"""What a reader arranges of an explorer: traits that are checked, and all of them as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets
from induction_kernels.errors import InductionError
from induction_kernels.names import legible

from induction_explorer import several_prompts
from induction_explorer.channel.partial_state import PartialState
from induction_explorer.choices import (
    check_heads,
    check_index,
    check_score,
    moved,
    training_unit,
)
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.several import read_prompt
from induction_explorer.view import PARTS, check_arranged, in_order, split


def _written_by_js(kind: traitlets.TraitType[Any, Any]) -> Any:
    """A trait that JS sets; `set_state` echoes it when it is checked, ipywidgets would before."""
    return kind.tag(sync=True, echo_update=False)


class Arrangement(PartialState):
    """The traits that Python and JavaScript both set, of the series of `_sessions`.

    Attributes:
        view: the public traits and what JavaScript alone arranges (`_view`).
    """

    checkpoint = _written_by_js(traitlets.Int())
    compare = _written_by_js(traitlets.Int(None, allow_none=True))
    score = _written_by_js(traitlets.Unicode("induction"))
    heads = _written_by_js(traitlets.List())
    series = _written_by_js(traitlets.Int())
    prompts: Any = traitlets.Any().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)
    view = traitlets.Dict()
    _view = _written_by_js(traitlets.Dict())

    _sessions: list[Known]
    #: Traits of the message from a page that is heeded now.
    _set_by_page: frozenset[str] = frozenset()
    #: Set by their whole: `view` follows when that is done.
    _restoring = True

    @property
    def _session(self) -> Known:
        number: int = self.series
        return self._sessions[number]

    def _set(self, traits: Mapping[str, Any]) -> None:
        """As one message."""
        with self.hold_sync():
            for name, value in traits.items():
                setattr(self, name, value)

    # --- each trait ---

    @traitlets.validate("series")
    def _check_series(self, proposal: Any) -> int:
        return check_index("series", proposal.value, len(self._sessions), "series")

    @traitlets.validate("checkpoint", "compare")
    def _check_checkpoint(self, proposal: Any) -> int | None:
        name, value = proposal.trait.name, proposal.value
        if value is None:
            return None
        session = self._session
        return check_index(name, value, len(session.series), f"checkpoints in {session.name}")

    @traitlets.validate("score")
    def _check_score(self, proposal: Any) -> str:
        return check_score(proposal.value, self._session)

    @traitlets.validate("heads")
    def _check_heads(self, proposal: Any) -> list[list[int]]:
        return check_heads(proposal.value, self._session)

    @traitlets.default("prompts")
    def _without_prompts(self) -> list[several_prompts.Pair]:
        return []

    @traitlets.validate("prompts")
    def _check_prompts(self, proposal: Any) -> list[several_prompts.Pair]:
        return several_prompts.checked(proposal.value, self._read_prompt, self.prompts)

    @traitlets.validate("prompt", "answer")
    def _check_prompt(self, proposal: Any) -> str:
        text: str = proposal.value
        texts = {"prompt": self.prompt, "answer": self.answer} | {proposal.trait.name: text}
        try:
            self._read_prompt(**texts)
        except InductionError as error:
            raise traitlets.TraitError(legible(str(error))) from error
        return text

    def _read_prompt(self, prompt: str, answer: str) -> list[Prompt | InductionError]:
        """As each series reads it.

        Raises:
            InductionError: the current series cannot read it.
        """
        return read_prompt(self._sessions, self._session, prompt, answer)

    @traitlets.observe("series")
    def _follow_series(self, change: Any) -> None:
        """Another series has other checkpoints, heads and scores: move to the nearest that it has.

        The page does the same by itself, at once, and sends what it chose.
        """
        if "checkpoint" in self._set_by_page or change.old is None:  # None: chosen to begin with
            return
        old, new = self._sessions[change.old], self._sessions[change.new]
        with self.hold_trait_notifications():
            self._set(moved(self._current_view(), old, new, training_unit(self._sessions)))
            if self._view.get("brush") is not None:
                self._view = self._view | {"brush": None}

    # --- the view as one value ---

    @traitlets.validate("view")
    def _check_view(self, proposal: Any) -> dict[str, Any]:
        view: dict[str, Any] = proposal.value
        split(view)
        return view

    @traitlets.validate("_view")
    def _check_arranged(self, proposal: Any) -> dict[str, Any]:
        arranged = check_arranged(proposal.value)
        if (other := arranged.get("compared_series")) is not None:
            check_index("view['compared_series']", other, len(self._sessions), "series")
        return arranged

    @traitlets.observe(*PARTS, "_view")
    def _note_view(self, _change: Any) -> None:
        if not self._restoring:
            self.view = self._current_view()

    @traitlets.observe("view")
    def _restore_view(self, change: Any) -> None:
        """Set the parts of the view, or none of them when one is wrong."""
        before = self._current_view()
        if change.new == before:
            return
        self._restoring = True
        try:
            self._set_view(change.new)
        except traitlets.TraitError:
            self._set_view(before)
            raise
        finally:
            self._restoring = False
            self.view = self._current_view()

    def _set_view(self, view: Mapping[str, Any]) -> None:
        with self.hold_sync():
            for together in in_order(view):
                with self.hold_trait_notifications():
                    self._set(together)

    def _current_view(self) -> dict[str, Any]:
        arranged: dict[str, Any] = self._view
        return {name: getattr(self, name) for name in PARTS} | arranged
