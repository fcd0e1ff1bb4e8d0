"""Without a GPU: the code for CUDA calls PyTorch's kernels as they are declared, and never mixes
devices.

Shapes, dtypes and devices are followed through whole forward passes by PyTorch's fake tensors; no
number is computed. test_gpu.py has the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import as_model
from induction_kernels.attention import hugging_face, kernels
from induction_kernels.attention.fused import read_fused, run_fused
from induction_kernels.causes.intervene import Intervener
from induction_kernels.losses.predictions import predict_positions
from induction_kernels.losses.tokens import losses_of
from induction_kernels.models import outputs
from induction_kernels.models.model import Model
from repeated_probe import probe, readings
from small_models import bridge
from torch._subclasses.fake_tensor import FakeTensorMode

#: Where the experts' numbers go depends on numbers, of which there are none here.
MIXTURES = {"gpt_oss"}
KINDS = [*sorted(set(ARCHITECTURES) - MIXTURES), "native"]


@pytest.fixture(autouse=True)
def _elsewhere_means_cuda(monkeypatch) -> None:
    """A device other than the CPU that every PyTorch knows, with the kernels of CUDA."""
    monkeypatch.setitem(kernels._KERNELS, "meta", kernels._on_cuda)


@contextmanager
def elsewhere(kind: str, dtype: torch.dtype) -> Iterator[Model]:
    """A model on another device, within a world where tensors have shapes only."""
    module = bridge() if kind == "native" else ARCHITECTURES[kind]().eval()
    model = as_model(module)
    torch.nn.Module.to(module, dtype)
    with (
        pytest.MonkeyPatch.context() as patched,
        FakeTensorMode(allow_non_fake_inputs=True) as world,
    ):
        for holder, comparison in ((hugging_face, "require_agreement"), (outputs, "_agree")):
            patched.setattr(holder, comparison, lambda *_: True)  # there are no numbers
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        moved = world.from_tensor(tensor.detach()).to("meta")
                        tensors[name] = (
                            torch.nn.Parameter(moved, requires_grad=False)
                            if tensors is part._parameters
                            else moved
                        )
        yield model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_scores(kind: str, dtype: torch.dtype) -> None:
    tokens = probe()
    wanted = readings(tokens)
    with elsewhere(kind, dtype) as model:
        found = read_fused(model, tokens, wanted)
        for values in found.values():
            assert values.shape == (model.n_layers, model.n_heads)
            assert values.device.type == "cpu"
            assert values.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_predictions_and_rows_of_patterns(kind: str, dtype: torch.dtype) -> None:
    tokens = probe(1)
    n = tokens.shape[1]
    rows = []
    with elsewhere(kind, dtype) as model:
        output = run_fused(model, tokens, lambda layer: rows.append(layer.rows([0, 1], 4, 8)))
        assert losses_of(output, tokens, model.d_vocab).shape == (1, n - 1)
        predicted = predict_positions(output, tokens[0], model.d_vocab, 3, None)
        assert predicted.ids.shape == (n, 3)
        assert [row.shape for row in rows] == [(1, 2, 4, 8)] * model.n_layers


@pytest.mark.parametrize("kind", KINDS)
def test_interventions(kind: str) -> None:
    tokens = probe()
    with elsewhere(kind, torch.float32) as model:
        intervener = Intervener(model, tokens)
        for frozen in (False, True):
            output = intervener.run({(0, 1): torch.zeros(())}, frozen=frozen)
            assert losses_of(output, tokens, model.d_vocab).shape == (2, tokens.shape[1] - 1)
