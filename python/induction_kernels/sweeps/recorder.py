"""One's own training loop, recorded: weights in files that `CheckpointSeries.from_folder` reads, or
scores in a store that `InductionExplorer.from_store` shows."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.checkpoints.checkpoint import Checkpoint
from induction_kernels.checkpoints.counts import at_rate, rate_of
from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.inputs.texts import Texts
from induction_kernels.scores.own.given import Scores
from induction_kernels.sweeps.live import LiveScores
from induction_kernels.sweeps.measuring import Asked
from induction_kernels.whole_numbers import whole_number


def is_log_spaced(step: int, per_doubling: int = 2) -> bool:
    """Whether a step is one of 0, 1, 2, 3, 4, 6, 8, 11, 16, ...: so many each time it doubles."""
    if step < 1:
        return step == 0
    nearest = round(per_doubling * math.log2(step))
    return any(round(2 ** (k / per_doubling)) == step for k in (nearest - 1, nearest, nearest + 1))


class Recorder:
    """Keeps a model's weights, or its scores, or both, at some steps of its training.

    recorder = Recorder("runs/x", model)
    for step in range(steps):
        recorder(step)              # before the step: so that 0 is the model as it was made
        ...
    recorder.save(steps)            # the end

    trainer.add_callback(recorder.callback())       # or of transformers.Trainer

    CheckpointSeries.from_folder("runs/x", model)   # at any time, while it grows, too

    Recorder(None, model, store="x.zarr")           # scores alone: no weights are kept
    InductionExplorer.from_store("x.zarr")          # at any time, while it grows, too

    Nothing of the training changes: what is scored is a copy of the model, on its device, without
    the hooks of its user.
    """

    def __init__(
        self,
        folder: str | Path | None,
        model: nn.Module,
        steps: Iterable[int] | None = None,
        *,
        store: str | Path | None = None,
        scores: Scores = None,
        measures: Iterable[str] | str | bool | None = None,
        texts: Texts | None = None,
        tokenizer: Any | None = None,
        tokens_per_step: int | None = None,
        name: str | None = None,
        seed: int = 0,
        prompts: Iterable[str | tuple[str, str]] | str | None = None,
        head_pages: Iterable[tuple[int, int]] | bool | None = None,
    ) -> None:
        """Args:
            folder: of the weights, made if it is not there; its files are called
                weights_<step>.safetensors. None keeps no weights.
            model: whose weights are saved, or that is scored, as it is then.
            steps: at which; by default spread evenly in the logarithm (`is_log_spaced`).
            store: of the scores: a place as `sweep(store=)` has it, which may go on from there.
            scores, measures, texts, seed, prompts, head_pages: as in `sweep`; all scores by
                default. Your own may be functions or readouts, not arrays.
            tokenizer: for measures, where the model has none.
            tokens_per_step: to count tokens in the store.
            name: of the series in the store; by default the folder's, or else the model's.

        Raises:
            SelectionError: steps that are no whole numbers from 0, neither a folder nor a store,
                or a score that does not exist.
            CheckpointError: the folder cannot be made.
            StoreError: zarr is not installed, or something else is at that place.
            UnsupportedModelError: a store is given, and the model's attention cannot be read.
        """
        self._folder, self._model = None if folder is None else Path(folder), model
        self._steps = None if steps is None else {_step(step) for step in steps}
        self._rate = rate_of(tokens_per_step)
        self._scores: LiveScores | None = None
        if store is not None:
            asked = Asked(scores, measures, texts, seed, prompts, head_pages)
            of_folder = None if self._folder is None else self._folder.name
            self._scores = LiveScores(store, model, asked, tokenizer, name or of_folder)
        elif self._folder is None:
            raise SelectionError(
                "Neither a folder nor a store was given.",
                'Give a folder for weights, or store="x.zarr" for scores.',
            )
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def __call__(self, step: int) -> bool:
        """Keep what the model is if this step is wanted; whether it is."""
        step = _step(step)
        wanted = is_log_spaced(step) if self._steps is None else step in self._steps
        if wanted:
            self.save(step)
        return wanted

    def save(self, step: int) -> None:
        """Keep what the model is now. Whoever reads the folder sees all of a file or nothing, and
        whoever reads the store all of a score.

        Weights that cannot be scored, such as NaN, are a gap in the store.

        Raises:
            CheckpointError, StoreError: it cannot be written.
        """
        (checkpoint,) = at_rate([_step(step)], self._rate)
        saved = None if self._folder is None else self._save_weights(self._folder, checkpoint)
        if self._scores is not None:
            self._scores.keep(checkpoint, saved)

    def _save_weights(self, folder: Path, checkpoint: Checkpoint) -> Path:
        from safetensors.torch import save_file

        path = folder / f"weights_{checkpoint.step}.safetensors"
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            save_file(_apart(self._model.state_dict()), unfinished)
            unfinished.replace(path)
        except Exception as error:  # safetensors has an error of its own for a full disk
            raise _unwritable(path, error) from error
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    def callback(self) -> Any:
        """A transformers.TrainerCallback that saves as the calls above do, and at the end."""
        from transformers import TrainerCallback

        recorder = self

        class Callback(TrainerCallback):  # type: ignore[misc] # of a library without types
            def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                recorder(state.global_step)

            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                recorder(state.global_step)

            def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                recorder.save(state.global_step)

        return Callback()


def _apart(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share nothing, as safetensors has them: tied ones are saved by each name."""
    seen: set[int] = set()
    apart = {}
    for name, value in state.items():
        own = value.detach().cpu().contiguous()
        place = own.untyped_storage().data_ptr()
        apart[name] = own.clone() if place in seen else own
        seen.add(place)
    return apart


def _step(step: Any) -> int:
    number = whole_number(step, 0)
    if number is None:
        raise SelectionError(f"{step!r} is no step.", "Give whole numbers from 0.")
    return number


def _unwritable(path: Path, error: Exception) -> CheckpointError:
    said = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0]
    return CheckpointError(
        f"{path} cannot be written: {said}.", "Is there room, and may you write there?"
    )
