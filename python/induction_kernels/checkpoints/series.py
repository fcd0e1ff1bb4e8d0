"""CheckpointSeries: an ordered list of labelled, lazily loaded weights of one model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from induction_kernels.attention.door import as_model
from induction_kernels.checkpoints.check import Told, checking, found_of, table
from induction_kernels.checkpoints.findings import Finding, Hashed
from induction_kernels.checkpoints.fingerprints import UNKNOWN, Fingerprinted
from induction_kernels.checkpoints.folder import open_folder
from induction_kernels.checkpoints.hub.hub import Hub
from induction_kernels.checkpoints.hub.repositories import open_hub
from induction_kernels.checkpoints.memory import MemorySource, SingleSource
from induction_kernels.checkpoints.place import Place
from induction_kernels.checkpoints.progress import progress_bar
from induction_kernels.checkpoints.resident import Residence, Resident, residence_of
from induction_kernels.checkpoints.source import Checkpoint, Growing, Remote, Source
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.models.model import Model

if TYPE_CHECKING:
    import pandas as pd


class CheckpointSeries:
    """The checkpoints of one model, in training order.

    One model is resident: `load` puts a checkpoint's weights into it and returns it, so what an
    earlier `load` returned now holds the new weights too. `replica` gives an independent one.
    Whoever got the model may change it: `load` always copies the checkpoint into it anew.
    """

    def __init__(
        self,
        source: Source,
        indices: Sequence[int] | None = None,
        place: Place | None = None,
        *,
        private: bool = False,
        passing: bool = False,
        bare: bool = True,
    ) -> None:
        """Use `from_hub`, `from_folder` or `from_state_dicts`; a Source is for new kinds."""
        self._source = source
        self._selected = None if indices is None else list(indices)
        self._indices = _in_order(source) if self._selected is None else self._selected
        if not self._indices:
            raise CheckpointError(f"{source.name} has no checkpoints.", "Give at least one.")
        self._place = place or Place()
        self._found = found_of(source)
        residence = Residence(source, self._selected, self._place)
        self._resident = Resident(residence, private=private, passing=passing, bare=bare)
        self._private = private
        self._view: Model | None = None

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        model: Any | None = None,
        *,
        tokenizer: Any | None = None,
        tokens_per_step: int | None = None,
    ) -> CheckpointSeries:
        """The checkpoints of a local training run. One that goes on is followed by an explorer that
        shows the series; `refresh` takes in what it wrote since.

        Args:
            folder: holds Hugging Face `checkpoint-<step>/` folders, files `<anything>_<step>` in
                safetensors, `.pt` or `.pth`, or what nanochat saves. docs/series.md has a table.
            model: for files, the model whose weights they are; it is copied, not changed.
            tokenizer: otherwise the folder's own, if it has one.
            tokens_per_step: to count tokens where the run did not write them down.

        Raises:
            CheckpointError: no checkpoints there, or files without a model.
        """
        return cls(open_folder(Path(folder), model, tokenizer, tokens_per_step))

    @classmethod
    def from_hub(
        cls,
        repository: str | Sequence[str],
        steps: str | Iterable[int] = "log16",
        *,
        tokenizer: Any | None = None,
        cache_dir: str | Path | None = None,
        run: str | None = None,
        pattern: str | None = None,
        tokens: int | Callable[[int], int] | None = None,
        endpoint: str | None = None,
    ) -> CheckpointSeries:
        """Published checkpoints, each downloaded when it is loaded. docs/series.md has the suites
        that are known.

        Args:
            repository: like "EleutherAI/pythia-70m", or a name of TransformerLens like
                "attn-only-2l"; several if one run lies in several.
            steps: "all"; "log16" for 16 spread evenly in the logarithm of the step; or steps.
            tokenizer: otherwise the repository's own; or the name of a repository that has it.
            cache_dir: where downloads are kept; by default huggingface_hub's cache.
            run: where several runs share a repository, such as "ingredient1" or "seed-default".
            pattern: for repositories that are not known: a regular expression for the whole name
                of a branch, a folder or a file, with the step in a group.
            tokens: tokens a step, or a function of the step, where the suite's are not known.
            endpoint: of another hub; by default HF_ENDPOINT or https://huggingface.co.

        Raises:
            CheckpointError: the repository is missing, gated or without checkpoints, or nothing
                of it is in the cache and no network there.
            SelectionError: a step that is not there.
        """
        hub = Hub(endpoint, cache_dir)
        return cls(
            open_hub(
                repository, steps, run=run, pattern=pattern, tokens=tokens, tokenizer=tokenizer,
                hub=hub,
            )
        )  # fmt: skip

    @classmethod
    def from_state_dicts(
        cls,
        model: Any,
        state_dicts: Iterable[Mapping[str, Tensor]],
        *,
        steps: Iterable[int] | None = None,
        tokens: Iterable[int] | None = None,
        tokenizer: Any | None = None,
        name: str | None = None,
    ) -> CheckpointSeries:
        """State dicts in memory, such as a training loop collects.

        Args:
            model: a model they fit; it is copied, not changed.
            steps: rising; 0, 1, 2, ... by default.
            tokens: tokens seen at each, if known.

        Raises:
            CheckpointError: no state dicts, or steps or tokens that do not match them.
        """
        return cls(MemorySource(model, state_dicts, steps, tokens, tokenizer, name))

    @classmethod
    def single(cls, model: Model) -> CheckpointSeries:
        """A model without a history: a series of one, a copy of the model as it is now."""
        changed = (
            residence_of(model.module) is not None
        )  # since it was loaded: `series_of` knows the others
        return cls(SingleSource(model, f"{model.name}, changed" if changed else model.name))

    # --- what is in it ---

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def labels(self) -> list[str]:
        return [checkpoint.label for checkpoint in self]

    @property
    def steps(self) -> list[int]:
        return [checkpoint.step for checkpoint in self]

    @property
    def unit(self) -> str:
        """What `steps` counts: "steps" of the optimizer, or of some suites "parts" or "million
        words"."""
        return self[0].unit

    @property
    def tokens(self) -> list[int | None]:
        """Tokens seen at each checkpoint; None where unknown."""
        return [checkpoint.tokens for checkpoint in self]

    @property
    def tokens_estimated(self) -> list[bool]:
        """Whether the tokens of each checkpoint are in proportion to its steps, and not counted."""
        return [checkpoint.tokens_estimated for checkpoint in self]

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Checkpoint]:
        return (self._source.checkpoints[index] for index in self._indices)

    def __getitem__(self, index: int) -> Checkpoint:
        return self._source.checkpoints[self._indices[self._resolve(index)]]

    def __reduce__(self) -> tuple[type[CheckpointSeries], tuple[Any, ...]]:
        """Of one that is sent to another process: not the resident model."""
        return CheckpointSeries, (self._source, self._indices, self._place)

    def __repr__(self) -> str:
        span = f"{self.labels[0]} to {self.labels[-1]}"
        return f"<CheckpointSeries {self.name}: {len(self)} checkpoints, {span}>"

    def select(self, indices: Iterable[int]) -> CheckpointSeries:
        """A series of these checkpoints only, in training order, with a resident of its own."""
        chosen = sorted({self._resolve(i) for i in indices})
        return CheckpointSeries(self._source, [self._indices[i] for i in chosen], self._place)

    def replica(
        self, *, private: bool = False, passing: bool = False, bare: bool = True
    ) -> CheckpointSeries:
        """The same checkpoints with a resident of its own, so that loading disturbs nobody.

        Args:
            private: nobody will change that model, so that a checkpoint that it holds need not be
                copied again; nor see it, so that it may be one that only the kernels can run.
            passing: what is downloaded is removed from the cache as soon as it was read.
            bare: a private one may be such; a caller's function needs one that it knows.
        """
        return CheckpointSeries(
            self._source,
            self._selected,
            self._place,
            private=private,
            passing=passing,
            bare=bare,
        )

    def to(
        self, device: str | torch.device | None = None, dtype: torch.dtype | None = None
    ) -> CheckpointSeries:
        """The same checkpoints with a resident of its own on a device, such as "cuda", and in a
        dtype, such as torch.bfloat16; None leaves either as it is.

        Raises:
            SelectionError: no such device here, or a dtype that is not floating-point.
        """
        return CheckpointSeries(self._source, self._selected, self._place.moved(device, dtype))

    # --- what comes ---

    @property
    def grows(self) -> bool:
        """Whether checkpoints may be added to it: it is all of a folder, and no selection."""
        return self._selected is None and isinstance(self._source, Growing)

    def has_more(self) -> bool:
        """Whether checkpoints were written, to their end, since it was made or refreshed.

        Raises:
            CheckpointError: its folder cannot be read.
        """
        if not (self.grows and isinstance(self._source, Growing)):
            return False
        self._source.look()
        return len(self._source.checkpoints) > len(self._indices)

    def refresh(self, *, look: bool = True) -> int:
        """Take in the checkpoints that were written since, as by a run that still trains.

        Those that were there stay, also where their files are gone; what `load` gave holds what it
        held. One whose step is less than others' moves these to higher numbers.

        Args:
            look: see what is there now; otherwise what `has_more` saw is taken in.

        Returns:
            how many there are more.

        Raises:
            CheckpointError: its folder cannot be read.
        """
        if not self.grows or (look and not self.has_more()):
            return 0
        before = len(self)
        self._indices = _in_order(self._source)
        return len(self) - before

    # --- are they what their names say ---

    def check(self, *, weights: bool = False, progress: bool = True) -> pd.DataFrame:
        """Whether checkpoints are what their names say: a row each, with "ok", "note", "fault" or,
        where nobody can be asked, "unknown" in the column status, and why in the column reason.

        By the hashes of their files: twins, copies of the final model, whole or in parts, missing
        weights; and labels out of order. Of what lies on a hub, nothing is downloaded for this.
        What is found is kept: `findings`.

        Args:
            weights: load each as well, and see whether it lies where its neighbours say.
            progress: show a progress bar.
        """
        total = len(self) * (isinstance(self._source, Hashed) + weights)
        with progress_bar(self.name, total, show=progress and total > 0) as done:
            for _ in self.check_by_steps(weights=weights):
                done()
        return table(self.labels, self.steps, self.findings)

    def check_by_steps(self, *, weights: bool = False) -> Iterator[None]:
        """`check`, a step whenever one of them was looked at; `findings` has it after the last."""
        found = yield from checking(self._source, self._indices, weights=weights)
        self._found.put(
            {
                index: [one for one in found if one.checkpoint == place]
                for place, index in enumerate(self._indices)
            }
        )

    def tell_findings(self, to: Told) -> None:
        """Have someone, who is held weakly, told of every check of checkpoints of this source."""
        self._found.told.add(to)

    @property
    def findings(self) -> list[Finding]:
        """What the last `check` of each checkpoint found, of whichever series with this source."""
        return [
            replace(one, checkpoint=place)
            for place, index in enumerate(self._indices)
            for one in self._found.get(index, ())
        ]

    @property
    def is_checked(self) -> bool:
        """Whether `check` looked at all of them, and could ask of each."""
        return all(index in self._found for index in self._indices) and not any(
            one.status == "unknown" for one in self.findings
        )

    @property
    def is_remote(self) -> bool:
        """Whether checkpoints are downloaded when they are loaded. Then a `check` costs only lists
        that loading them asks for as well."""
        return isinstance(self._source, Remote)

    def fingerprint(self, index: int) -> int:
        """A number that tells a checkpoint's weights from others of the same name without loading
        them; 0 where nobody can tell."""
        source, index = self._source, self._indices[self._resolve(index)]
        try:
            return source.fingerprint(index) if isinstance(source, Fingerprinted) else UNKNOWN
        except CheckpointError:
            return UNKNOWN

    # --- on disk ---

    def to_download(self, index: int) -> int:
        """Bytes of a checkpoint's weights that loading it would download; 0 where they are here.

        Raises:
            CheckpointError: it has no weights, or what it has was never listed and cannot be asked.
        """
        source, index = self._source, self._indices[self._resolve(index)]
        return source.to_download(index) if isinstance(source, Remote) else 0

    def evict(self, index: int) -> None:
        """Remove a checkpoint's weights from the cache, if this series, or one that was made from
        it, downloaded them; what was there before stays."""
        source, index = self._source, self._indices[self._resolve(index)]
        if isinstance(source, Remote):
            source.evict(index)

    def room(self) -> int | None:
        """Bytes that can still be downloaded; None where nothing ever is."""
        return self._source.room() if isinstance(self._source, Remote) else None

    # --- weights ---

    def load(self, index: int, *, then: int | None = None) -> Any:
        """The resident model with the weights of a checkpoint; negative counts from the end.

        The first call builds the model, the next ones swap weights in place.

        Args:
            then: the checkpoint wanted next; it is read while this one is in use.

        Raises:
            SelectionError: (an IndexError) no such checkpoint.
            CheckpointError: weights that are damaged, hold NaN or do not fit. The resident model
                then still holds what it held before.
        """
        index = self._resolve(index)
        module = self._resident.load(self._indices[index], self._where(index))
        if then is not None:
            then = self._resolve(then)
            self._resident.start(self._indices[then], self._where(then))
        return module

    def stop(self) -> None:
        """What was to be loaded next will not be, and its download ends in the middle."""
        self._resident.stop()

    def model(self, index: int, *, then: int | None = None) -> Model:
        """`load`, as the view that kernels take: of a private resident, one for all checkpoints."""
        module = self.load(index, then=then)
        if not self._private:
            return as_model(module)
        self._view = as_model(self._view or module)
        return self._view

    def _where(self, index: int) -> str:
        return f"{self.name}, {self[index].label}"

    @property
    def identity(self) -> tuple[Hashable, ...]:
        """Equal for series of the same checkpoints from the same source in the same place, while
        either exists; of all of a source, however many there are by now."""
        return (id(self._source), self._place, *(() if self.grows else self._indices))

    def find(self, checkpoint: Checkpoint) -> int:
        """Which of this series has the label of another's; the last where none has."""
        labels = self.labels
        return labels.index(checkpoint.label) if checkpoint.label in labels else len(labels) - 1

    def _resolve(self, index: int) -> int:
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise SelectionError(
                f"{index!r} is no checkpoint.", f"Give a whole number from 0 to {len(self) - 1}."
            )
        index = index.__index__()
        if not -len(self) <= index < len(self):
            raise SelectionError(
                f"There is no checkpoint {index} in {self.name}.",
                f"It has {len(self)}: 0 to {len(self) - 1}, or -1 for the last.",
            )
        return index % len(self)


def _in_order(source: Source) -> list[int]:
    """The places of a source's checkpoints in training order."""
    if not isinstance(source, Growing):
        return list(range(len(source.checkpoints)))
    return sorted(range(len(source.checkpoints)), key=lambda i: source.checkpoints[i].step)


def series_of(model: object) -> tuple[CheckpointSeries, int] | None:
    """The series that a model was loaded from, and the checkpoint it holds; None without one.

    A model that was changed since holds no checkpoint. Of its weights only the numbers can tell: a
    change through `.data` or NumPy leaves no other trace. So the checkpoint is read and compared.
    """
    module = model.module if isinstance(model, Model) else model
    if not isinstance(module, nn.Module):
        return None
    residence = residence_of(module)
    if residence is None or residence.loaded is None or not residence.holds(module):
        return None
    series = CheckpointSeries(residence.source, residence.indices, residence.place)
    return series, series._indices.index(residence.loaded)  # noqa: SLF001 - of the class above
