"""Checkpoints of one's own training loop, in files that `CheckpointSeries.from_folder` reads."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from induction_kernels.errors import CheckpointError, SelectionError
from induction_kernels.whole_numbers import whole_number


def is_log_spaced(step: int, per_doubling: int = 2) -> bool:
    """Whether a step is one of 0, 1, 2, 3, 4, 6, 8, 11, 16, ...: so many each time it doubles."""
    if step < 1:
        return step == 0
    nearest = round(per_doubling * math.log2(step))
    return any(round(2 ** (k / per_doubling)) == step for k in (nearest - 1, nearest, nearest + 1))


class Recorder:
    """Saves a model's weights at some steps of its training.

    recorder = Recorder("runs/x", model)
    for step in range(steps):
        recorder(step)              # before the step: so that 0 is the model as it was made
        ...
    recorder.save(steps)            # the end

    trainer.add_callback(recorder.callback())       # or of transformers.Trainer

    CheckpointSeries.from_folder("runs/x", model)   # at any time, while it grows, too
    """

    def __init__(
        self, folder: str | Path, model: nn.Module, steps: Iterable[int] | None = None
    ) -> None:
        """Args:
            folder: made if it is not there; its files are called weights_<step>.safetensors.
            model: whose weights are saved, as they are then.
            steps: at which; by default spread evenly in the logarithm (`is_log_spaced`).

        Raises:
            SelectionError: steps that are no whole numbers from 0.
            CheckpointError: the folder cannot be made.
        """
        self._folder, self._model = Path(folder), model
        self._steps = None if steps is None else {_step(step) for step in steps}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def __call__(self, step: int) -> bool:
        """Save the model if this step is wanted; whether it is."""
        step = _step(step)
        wanted = is_log_spaced(step) if self._steps is None else step in self._steps
        if wanted:
            self.save(step)
        return wanted

    def save(self, step: int) -> Path:
        """Save the model as it is now. Whoever reads the folder sees all of the file or nothing.

        Raises:
            CheckpointError: it cannot be written.
        """
        from safetensors.torch import save_file

        path = self._folder / f"weights_{_step(step)}.safetensors"
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
