"""Layers read several at a time: off a pile is read what is read off each layer's square."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
import torch
from induction_kernels import as_model
from induction_kernels.attention import readout, stack
from induction_kernels.attention.kernels import Softmax, attention
from induction_kernels.attention.layer_attention import LayerAttention
from induction_kernels.attention.readout import Reading, Readout
from induction_kernels.attention.stack import Pile, Stack
from induction_kernels.models.model import Model
from small_models import HUGGING_FACE
from torch import Tensor

PERIOD, BATCH, HEADS, D_HEAD = 7, 3, 4, 8
N = 1 + 2 * PERIOD

#: Rows that differ in what they repeat: a cell of one row is none of another.
TOKENS = torch.stack(
    [torch.randint(9, (N,), generator=torch.Generator().manual_seed(row)) for row in range(BATCH)]
)

READINGS = {
    "induction": Reading(readout.induction(PERIOD), "pattern"),
    "prefix_matching": Reading(readout.prefix_matching(PERIOD, 2), "pattern"),
    "natural_induction": Reading(readout.natural_induction(TOKENS), "pattern"),
    "entropy": Reading(readout.entropy(N), "pattern"),
    "previous_token": Reading(readout.previous_token(N), "pattern"),
    "first_token": Reading(readout.first_token(N), "pattern"),
    "first_token_logit": Reading(readout.first_token(N), "scores"),
    "induction_logit": Reading(readout.induction(PERIOD), "scores"),
    "induction_over_all_rows": Reading(
        dataclasses.replace(readout.induction(PERIOD), n_queries=N), "pattern"
    ),
    "natural_induction_logit": Reading(readout.natural_induction(TOKENS), "scores"),
}

WINDOW = torch.ones(N, N, dtype=torch.bool).tril().triu(-4)[None, None]
FAR = -0.3 * (torch.arange(N)[:, None] - torch.arange(N)).abs().float()
SINKS = torch.linspace(-1, 2, HEADS)[None, :, None]

#: What a softmax may be made of, by a letter.
KINDS = {
    "a": Softmax(D_HEAD**-0.5),
    "b": Softmax(1.0),
    "c": Softmax(D_HEAD**-0.5, cap=2.0),
    "w": Softmax(D_HEAD**-0.5, allowed=WINDOW),
    "r": Softmax(D_HEAD**-0.5, bias=FAR[None, None]),
    "s": Softmax(D_HEAD**-0.5, sinks=SINKS),
}

#: Layers as they come: alike, one windowed among them, turn by turn, each of another kind.
PASSES = ["aaaaaa", "aawaaa", "waaaaa", "aaaaaw", "awawaw", "aabbaa", "aacaar", "sabcwr"]


@cache
def layers(kinds: str, kv_heads: int = 2, d_head: int = D_HEAD) -> tuple[LayerAttention, ...]:
    """Each with queries and keys of its own, far from uniform."""
    generator = torch.Generator().manual_seed(len(kinds) * 31 + kv_heads)
    found = []
    for layer, kind in enumerate(kinds):
        q = 2 * torch.randn(BATCH, HEADS, N, d_head, generator=generator)
        k = 2 * torch.randn(BATCH, kv_heads, N, d_head, generator=generator)
        _, lse = attention(q, k, k, KINDS[kind])
        found.append(LayerAttention(layer, q, k, lse, KINDS[kind]))
    return tuple(found)


def square_by_square(of: tuple[LayerAttention, ...]) -> dict[str, Tensor]:
    """By the definitions, on whole squares [batch, head, query, key]."""
    found: dict[str, list[Tensor]] = {name: [] for name in READINGS}
    for at in of:
        k = at.k.repeat_interleave(HEADS // at.k.shape[1], dim=1)
        s = at.softmax.scale * (at.q @ k.mT)
        if at.softmax.cap is not None:
            s = at.softmax.cap * (s / at.softmax.cap).tanh()
        if at.softmax.bias is not None:
            s = s + at.softmax.bias
        causal = torch.ones(N, N, dtype=torch.bool).tril()
        seen = causal if at.softmax.allowed is None else at.softmax.allowed
        s = s.masked_fill(~seen, -torch.inf)
        everything = s
        if at.softmax.sinks is not None:
            sink = at.softmax.sinks[..., None].expand(BATCH, HEADS, N, 1)
            everything = torch.cat([s, sink], -1)
        pattern = everything.softmax(-1)[..., :N]
        for name, reading in READINGS.items():
            found[name].append(reading.whole(pattern, s))
    return {name: torch.stack(rows) for name, rows in found.items()}


@cache
def model(n_layers: int) -> Model:
    return dataclasses.replace(as_model(HUGGING_FACE["llama"]().eval()), n_layers=n_layers)


def piled(
    of: tuple[LayerAttention, ...], n_layers: int, readings: dict[str, Reading] = READINGS
) -> dict[str, Tensor]:
    pile = Pile(model(n_layers), readings)
    for layer in of:
        pile.add(layer)
    return pile.read()


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, values in found.items():
        torch.testing.assert_close(
            values,
            expected[name],
            atol=1e-5,
            rtol=1e-5,
            equal_nan=True,
            msg=lambda m, n=name: n + m,
        )


@pytest.fixture(autouse=True)
def _piled_up_as_on_a_gpu(monkeypatch) -> None:
    monkeypatch.setattr(stack, "_bytes_of_layers", lambda _: 1 << 20)


@pytest.mark.parametrize("at_a_time", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("kinds", PASSES)
def test_a_pile_reads_what_the_squares_hold(monkeypatch, kinds, kv_heads, at_a_time) -> None:
    """However many layers and cells memory has room for."""
    of = layers(kinds, kv_heads)
    room = at_a_time * (of[0].q.nbytes + of[0].k.nbytes)
    for what in ("_bytes_of_layers", "_bytes_of_cells"):
        monkeypatch.setattr(stack, what, lambda _: room)
    assert_equal(piled(of, len(kinds)), square_by_square(of))


def test_layers_alike_are_read_as_one_and_no_others(monkeypatch) -> None:
    """As many as there is room for, in the order in which they came."""
    read: list[int] = []
    whole = Stack.of
    monkeypatch.setattr(Stack, "of", lambda of: read.append(len(of)) or whole(of))
    groups = {"aaaaaa": [6], "aawaaa": [2, 1, 3], "aabbaa": [2, 2, 2], "awwaca": [1] * 6}
    for kinds, expected in groups.items():
        read.clear()
        piled(layers(kinds), len(kinds))
        assert read == expected, kinds


@pytest.mark.parametrize(("kv_heads", "d_head"), [(4, D_HEAD), (2, 2 * D_HEAD)])
def test_layers_of_other_sizes_are_read_by_themselves(kv_heads, d_head) -> None:
    of = [*layers("aaaaaa")]
    of[2:4] = layers("aaaaaa", kv_heads, d_head)[2:4]
    assert_equal(piled(tuple(of), 6), square_by_square(tuple(of)))


@pytest.mark.parametrize("kinds", ["aaaaaa", "sabcwr"])
def test_cells_in_line_are_those_that_are_gathered_one_by_one(monkeypatch, kinds) -> None:
    """And so are those that begin in a line and end in the next part of it."""
    of = layers(kinds)
    gathered = {
        name: Reading(dataclasses.replace(one.readout, lines=()), one.of)
        for name, one in READINGS.items()
        if isinstance(one.readout, Readout) and one.readout.lines
    }
    assert {"induction", "first_token_logit", "prefix_matching"} <= set(gathered)
    for cells in (3, 1000):
        room = cells * 4 * BATCH * HEADS * D_HEAD
        monkeypatch.setattr(stack, "_bytes_of_cells", lambda _, room=room: room)
        found = piled(of, 6, gathered)
        assert_equal(found, {name: piled(of, 6)[name] for name in found})


def test_cells_that_several_scores_read_are_read_once(monkeypatch) -> None:
    read: list[int] = []
    scores = Stack._scores
    monkeypatch.setattr(Stack, "_scores", lambda self, cells: read.append(1) or scores(self, cells))
    same = ("induction", "induction_logit", "induction_over_all_rows")
    pile = Pile(model(1), {name: READINGS[name] for name in same})
    pile.add(layers("a")[0])
    pile.read()
    assert len(read) == 1


def test_layers_on_two_devices_are_not_read_as_one() -> None:
    first, second, *_ = layers("aa")
    elsewhere = dataclasses.replace(second, q=second.q.to("meta"), k=second.k.to("meta"))
    assert stack._alike(first, second)
    assert not stack._alike(first, elsewhere)


def test_layers_that_do_not_attend_are_not_numbers() -> None:
    of = tuple(
        dataclasses.replace(one, layer=2 * at + 1) for at, one in enumerate(layers("aawaaa"))
    )
    found, expected = piled(of, 13), square_by_square(of)
    for name, values in found.items():
        assert values[0::2].isnan().all(), name
    assert_equal({name: values[1::2] for name, values in found.items()}, expected)


def test_layers_may_come_in_any_order() -> None:
    """As where a model runs its layers otherwise than it numbers them."""
    of, order = layers("aaawaa"), [4, 0, 5, 3, 1, 2]
    expected = square_by_square(of)
    assert_equal(piled(tuple(of[at] for at in order), 6), expected)
