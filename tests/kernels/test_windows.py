"""Scores before the softmax where a window hides cells: of those seen, or none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import as_model, head_scores
from induction_kernels.attention import readout
from induction_kernels.attention.cells import read_cells, read_hooked
from induction_kernels.attention.readout import Reading
from induction_kernels.errors import InductionError
from small_models import wrapped
from tiny import tiny

PERIOD = 12
N = 1 + 2 * PERIOD
#: Query to key, for the scores that have a logit.
CELLS: dict[str, list[tuple[int, int]]] = {
    "induction": [(q, q - PERIOD + 1) for q in range(1 + PERIOD, N)],
    "duplicate_token": [(q, q - PERIOD) for q in range(1 + PERIOD, N)],
    "previous_token": [(q, q - 1) for q in range(1, N)],
}


def windowed(kind: str) -> Any:
    """Mistral's window hides a whole copy; Gemma's only in its first layer; chunks of four hide
    some of the previous tokens."""
    torch.manual_seed(0)
    if kind == "chunks":
        return tiny("Llama4ForCausalLM")
    config = ARCHITECTURES[kind]().config
    config.sliding_window = 8
    if kind == "gemma3":
        config.layer_types = ["sliding_attention", "full_attention"]
    module = type(ARCHITECTURES[kind]())(config)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    return module.eval()


def probe() -> torch.Tensor:
    r = torch.randperm(80, generator=torch.Generator().manual_seed(3))[:PERIOD] + 10
    return torch.cat([torch.tensor([1]), r, r])[None]


def seen_scores(module: Any, ids: torch.Tensor) -> list[torch.Tensor]:
    """S [head, query, key] by the model's own eager attention, NaN where a mask hides it."""
    code, found = sys.modules[type(module).__module__], []
    original = code.eager_attention_forward

    def watched(part: Any, q: Any, k: Any, v: Any, mask: Any, scaling: float, **others: Any) -> Any:
        out, a = original(part, q, k, v, mask, scaling=scaling, **others)
        s = scaling * q @ k.repeat_interleave(q.shape[1] // k.shape[1], 1).mT
        hidden = (mask < -1e30).expand_as(s) if mask.dtype != torch.bool else ~mask.expand_as(s)
        assert (a[hidden] == 0).all()
        found.append(s.masked_fill(hidden, torch.nan)[0])
        return out, a

    configs = {id(p.config): p.config for p in module.modules() if hasattr(p, "config")}
    before = {key: config._attn_implementation for key, config in configs.items()}
    code.eager_attention_forward = watched
    try:
        for config in configs.values():
            config._attn_implementation_internal = "eager"
        with torch.no_grad():
            module(ids, use_cache=False)
    finally:
        code.eager_attention_forward = original
        for key, config in configs.items():
            config._attn_implementation_internal = before[key]
    return found


def slow(s: torch.Tensor, cells: list[tuple[int, int]]) -> list[float]:
    means = []
    for head in s:
        values = [float(head[q, k]) for q, k in cells]
        values = [value for value in values if not np.isnan(value)]
        means.append(sum(values) / len(values) if values else np.nan)
    return means


@pytest.mark.parametrize("kind", ["mistral", "gemma3", "chunks"])
def test_hidden_cells_have_no_score_before_the_softmax(kind: str) -> None:
    module, ids = windowed(kind), probe()
    layers = seen_scores(module, ids)
    found = head_scores(module, [f"{name}_logit" for name in CELLS], ids, period=PERIOD)
    for layer, s in enumerate(layers):
        for name, cells in CELLS.items():
            expected = slow(s, cells)
            ours = found[f"{name}_logit"][layer].values
            assert ours == pytest.approx(expected, abs=1e-4, nan_ok=True), (layer, name)
    hidden = np.isnan(found["induction_logit"].values).all(1)
    assert list(hidden) == ([True, True] if kind == "mistral" else [True, False])
    assert "left out" in found["induction_logit"].attrs["formula"]


@pytest.mark.parametrize("kind", ["mistral", "gemma3", "chunks"])
@pytest.mark.parametrize("through", [lambda module: module, wrapped], ids=["itself", "bridge"])
def test_both_paths_leave_out_the_same(kind: str, through: Callable[[Any], Any]) -> None:
    if kind == "chunks" and through is wrapped:
        pytest.skip("TransformerLens has no such bridge")
    model, ids = as_model(through(windowed(kind))), probe()
    wanted = {
        "induction": Reading(readout.induction(PERIOD), "scores"),
        "previous_token": Reading(readout.previous_token(N), "scores"),
    }
    fused, path = read_cells(model, ids, wanted)
    assert path == "fused"
    hooked = read_hooked(model, ids, wanted)
    for name, values in fused.items():
        torch.testing.assert_close(values, hooked[name], atol=1e-4, rtol=0, equal_nan=True)


def test_weights_that_are_no_numbers_are_still_named() -> None:
    model = as_model(windowed("mistral"))
    assert np.isfinite(head_scores(model, "previous_token_logit")["previous_token_logit"]).all()
    with torch.no_grad():
        model.module.model.layers[1].self_attn.q_proj.weight[0] = torch.nan
    for name in ("previous_token_logit", "induction_logit"):
        with pytest.raises(InductionError, match=r"logit of L1H0 .* is not a number"):
            head_scores(model, [name, "previous_token_logit"])
