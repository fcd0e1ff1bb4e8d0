"""A series as a sweep kept it: without a model, weights or PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.findings import Finding
from induction_kernels.errors import InductionError, StoreError
from induction_kernels.losses.measure import share_in_words
from induction_kernels.names import legible
from induction_kernels.sweeps.own import CHANGED, FAULTS
from induction_kernels.sweeps.stored import Stored

from induction_explorer.analyses.head_page import HeadPage
from induction_explorer.channel.worker import SHARED
from induction_explorer.series.kept_pages import KeptPages
from induction_explorer.series.kept_prompts import OF_A_PROMPT, KeptPrompts
from induction_explorer.series.known import Known
from induction_explorer.series.prompt import Prompt
from induction_explorer.series.results import Question, Results

if TYPE_CHECKING:
    import xarray
    from induction_kernels.sweeps.prompts import SweptPrompt

    from induction_explorer.contract import Arrays

#: Of a score, as the page has it.
_SAID = ("title", "group", "formula", "meaning", "colours", "source")


class StoredCheckpoints:
    """Where the checkpoints of a store lie along training, in its order."""

    def __init__(self, checkpoints: list[Checkpoint]) -> None:
        self._checkpoints = checkpoints

    def __len__(self) -> int:
        return len(self._checkpoints)

    def __getitem__(self, index: int) -> Checkpoint:
        return self._checkpoints[index]

    @property
    def labels(self) -> list[str]:
        return [one.label for one in self._checkpoints]

    @property
    def steps(self) -> list[int]:
        return [one.step for one in self._checkpoints]

    @property
    def unit(self) -> str:
        return self._checkpoints[0].unit

    @property
    def tokens(self) -> list[int | None]:
        return [one.tokens for one in self._checkpoints]

    @property
    def tokens_estimated(self) -> list[bool]:
        return [one.tokens_estimated for one in self._checkpoints]


class StoredMeasures:
    """The measures that a store holds."""

    unasked = True

    def __init__(self, kept: xarray.Dataset, known: set[int]) -> None:
        names = [name for name, one in kept.data_vars.items() if one.attrs["kind"] == "measure"]
        self.arrays = {str(name): kept[name].to_numpy() for name in names}
        self.positions = kept["position"].to_numpy() if "position" in kept.coords else np.arange(0)
        self._known = known
        on_text = [kept[name].attrs for name in names if "text" in kept[name].attrs]
        self.text_hash: str = on_text[0]["text_hash"] if on_text else ""
        self.on = (
            f"{on_text[0]['text_rows']} rows of {on_text[0]['text']}{_shares(on_text)}"
            if on_text
            else "The store holds no losses; sweep(series, measures=True, store=...) adds them."
        )

    def knows(self, checkpoint: int) -> bool:
        return checkpoint in self._known


def _shares(of_measures: Sequence[Mapping[str, Any]]) -> str:
    shares = [one["copyable_share"] for one in of_measures if "copyable_share" in one]
    return f" ({share_in_words(shares[0])})" if shares else ""


class StoreSession(Known):
    """What a store holds, as of the last look at it.

    Raises:
        StoreError: there is none, or it cannot be read.
    """

    light = False

    def __init__(self, place: str | Path) -> None:
        super().__init__()
        self._store = Stored(place)
        if not self._store.checkpoints:
            raise StoreError(
                f"There is no store of a sweep at {place}, or nothing in it yet.",
                f"sweep(series, store={str(place)!r}) makes one.",
            )
        self._seen = self._store.state()
        self._take(*self._look())

    # --- what it holds ---

    def _look(self) -> tuple[list[Checkpoint], xarray.Dataset, list[list[str]]]:
        kept = self._store.dataset()
        at = sorted(self._store.checkpoints, key=lambda one: one.step)
        return at, kept, self._store.lacks(at, [str(name) for name in kept.data_vars])

    def _take(self, at: list[Checkpoint], kept: xarray.Dataset, lacking: list[list[str]]) -> None:
        faults = self._store.faults()
        self._kept = kept
        self.series = StoredCheckpoints(at)
        self.name = legible(kept.attrs["series"])
        self.layers, self.heads = kept.sizes["layer"], kept.sizes["head"]
        self.context = kept.attrs["context"]
        without = kept.attrs.get("layers_without_attention", "")
        empty = {int(layer) for layer in without.split(", ") if layer}
        self.attending = [layer for layer in range(self.layers) if layer not in empty]
        self.key_heads = [int(count) for count in kept.attrs.get("key_heads", "").split()]
        self._why_not = dict(one.split(": ", 1) for one in kept.attrs.get("left_out", ()))
        self.left_out = {
            name.replace("_", " ").capitalize(): reason for name, reason in self._why_not.items()
        }
        self.grids = {
            str(name): one.to_numpy()
            for name, one in kept.data_vars.items()
            if one.attrs["kind"] == "score"
        }
        self.faults = {i: faults[one.label] for i, one in enumerate(at) if one.label in faults}
        numbers = {one.label: i for i, one in enumerate(at)}
        self._findings = [
            Finding(numbers[label], status, reason)
            for label, status, reason in self._store.findings
            if label in numbers
        ]
        through = {i for i, some in enumerate(lacking) if not some} | self.faults.keys()
        self._scored = through
        self.measured = StoredMeasures(kept, through)
        self._prompts = KeptPrompts(self._store, self)
        self._pages = KeptPages(self._store, self)
        self.results = Results()  # a run that goes on may have written over what it held

    @property
    def findings(self) -> list[Finding]:
        return self._findings

    @property
    def last(self) -> int:
        """The last checkpoint that is there; the last of all where none is."""
        return max(self._scored - self.faults.keys(), default=len(self.series) - 1)

    def with_model(self) -> NoReturn:
        raise self.needs_model()

    def needs_model(self) -> InductionError:
        return InductionError(
            "This needs a model: InductionExplorer(series).", f"{self.name} {self.without_model}"
        )

    @property
    def without_model(self) -> str:
        of_prompts = ["prompts"] if self.kept_prompts else []
        of_heads = ["pages of heads"] if self._pages.all else []
        *others, last = ["scores", "losses", *of_prompts, *of_heads]
        holds = f"{', '.join(others)} and {last}"
        return f"was opened from a store, which holds {holds}."

    @property
    def held(self) -> Sequence[str]:
        of_text = (HeadPage.kind,) if self._pages.all else ()
        return (*(OF_A_PROMPT if self.kept_prompts else ()), *of_text)

    # --- of prompts ---

    @property
    def kept_prompts(self) -> Sequence[SweptPrompt]:
        return self._prompts.all

    def default_prompt(self) -> tuple[str, str]:
        first = next(iter(self.kept_prompts), None)
        return ("", "") if first is None else (first.text, first.answer)

    def read_prompt(self, text: str, answer: str) -> Prompt:
        return self._prompts.read(text, answer)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        return self._store.token_strings(ids)

    @property
    def text_origin(self) -> str:
        return self._pages.origin

    def answers(self, question: Question, checkpoints: Sequence[int]) -> dict[int, Arrays]:
        found = super().answers(question, checkpoints)
        missing = [i for i in checkpoints if i not in found]
        more = self._prompts.answers(question, missing) | self._pages.answers(question, missing)
        for checkpoint, arrays in more.items():
            self.results.keep(question, checkpoint, arrays)
        return found | more

    def lacks(self, question: Question, checkpoint: int) -> InductionError:
        if (why := self._pages.lacks(question, checkpoint)) is not None:
            return why
        if question.ids is None or not self._prompts.holds(question):
            return self.needs_model()
        where = self.series.labels[checkpoint]
        return InductionError(
            f"The store keeps nothing of this prompt at {where} (yet).",
            "The sweep that fills it, run again, adds what is missing.",
        )

    # --- scores and measures ---

    def why_not(self, score: str) -> str | None:
        return self._why_not.get(score)

    def score_infos(self) -> list[dict[str, Any]]:
        return [self._describe(name) for name in self.grids]

    def _describe(self, name: str) -> dict[str, Any]:
        """`ScoreInfo` of js/src/kernel/model.ts."""
        attrs, said = self._kept[name].attrs, self._store.said_of_own(name)
        faults, changed = said.get(FAULTS, {}), list(said.get(CHANGED, {}).values())
        return {
            "name": name,
            **{key: attrs[key] for key in _SAID},
            "range": [attrs.get("lowest"), attrs.get("highest")],
            "chance": attrs.get("chance"),
            "probe": attrs["measured_on"],
            "own": attrs.get("own", False),
            "units": attrs.get("units", "1"),
            "said": [f"Changed the model, which was undone: {one}" for one in changed[:1]],
            "faults": {
                str(index): legible(faults[label])
                for index, label in enumerate(self.series.labels)
                if label in faults
            },
        }

    def scores(self) -> xarray.Dataset:
        return self._kept[list(self.grids)]

    def measures(self) -> xarray.Dataset:
        return self._kept[list(self.measured.arrays)]

    # --- what comes ---

    @property
    def grows(self) -> bool:
        return True

    def look(self) -> None:
        """See what was written since, and tell those who show it."""
        try:
            self._store.refresh()
            seen = self._store.state()
            found = None if seen == self._seen else self._look()
        except StoreError:  # gone for a moment, maybe: what is shown stays
            return
        if found is None or not self._is_this(*found[:2]):
            return
        with SHARED:
            before = self.series.labels
            self._seen, kept = seen, self._prompts
            self._take(*found)
            now = {label: index for index, label in enumerate(self.series.labels)}
            for watcher in list(self.watchers):
                watcher.see_growth(self, [now[label] for label in before])
                if self._prompts.files != kept.files:
                    watcher.see_prompts(self)

    def _is_this(self, at: list[Checkpoint], kept: xarray.Dataset) -> bool:
        """Whether it is still the sweep that is shown, which may have been removed or made anew."""
        labels = {one.label for one in at}
        return labels >= set(self.series.labels) and legible(kept.attrs["series"]) == self.name
