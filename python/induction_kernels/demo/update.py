"""One step of the optimizer, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from jaxtyping import Int
from torch import Tensor
from transformer_lens.model_bridge.sources.native import NativeModel

from induction_kernels.demo.measures import token_losses

#: Updates after which every library has set itself up, and one can be recorded.
RECORDED_AFTER = 3


class Optimization(Protocol):
    """What of a recipe an update needs."""

    @property
    def betas(self) -> tuple[float, float]: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def gradient_clip(self) -> float: ...


class Update:
    """AdamW on the mean loss of a batch. On a GPU it is recorded and then replayed: its kernels are
    so small that starting them one by one takes four times as long as running them."""

    def __init__(
        self, model: NativeModel, how: Optimization, size: tuple[int, int], device: torch.device
    ) -> None:
        self.model, self.how = model, how
        self.rows = torch.zeros(size, dtype=torch.long, device=device)
        self.rate, self.loss = torch.zeros((), device=device), torch.zeros((), device=device)
        self.optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=self.rate,
            betas=how.betas,
            weight_decay=how.weight_decay,
            fused=True,
            capturable=device.type == "cuda",
        )
        self.recording: torch.cuda.CUDAGraph | None = None
        self.done = 0

    def __call__(self, rows: Int[Tensor, "batch pos"], learning_rate: float) -> float:
        """Update the weights. Returns the loss before it, in nats a token."""
        self.rows.copy_(rows)
        self.rate.fill_(learning_rate)
        if self.rows.is_cuda and self.done == RECORDED_AFTER:
            self.recording = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.recording, stream=torch.cuda.current_stream()):
                self._update()
        if self.recording is None:
            self._update()
        else:
            self.recording.replay()
        self.done += 1
        return self.loss.item()

    def _update(self) -> None:
        loss = token_losses(self.model, self.rows).mean()
        self.optimizer.zero_grad(set_to_none=False)  # what is recorded stays where it is
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.how.gradient_clip)
        self.optimizer.step()
        self.loss.copy_(loss.detach())


@contextmanager
def recordable(device: torch.device) -> Iterator[None]:
    """On a GPU, a stream of its own: what is recorded must never have run on the default one."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.stream(torch.cuda.Stream(device)):
        yield
