"""Cells from fused attention's log-sum-exp are the cells of the pattern, on every kind of model."""

from __future__ import annotations

import pytest
import torch
from architectures import ARCHITECTURES, sharpened
from hypothesis import given, settings
from hypothesis import strategies as st
from induction_kernels import as_model, attention_patterns, head_scores, load_demo
from induction_kernels.attention import patterns
from induction_kernels.attention.cells import read_hooked
from induction_kernels.attention.fused import read_fused
from induction_kernels.attention.hooked import visit_attention
from induction_kernels.attention.patterns import keep_packed, keep_whole, run_patterns
from small_models import HUGGING_FACE, VOCABULARY, bridge, wrapped
from torch.overrides import TorchFunctionMode
from two_paths import difference, readings


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"positional_embedding_type": "rotary"},
        {"n_key_value_heads": 2},
        {"normalization_type": "RMS", "attn_only": False},
        {"normalization_type": "LNPre", "attn_only": False, "gated_mlp": True},
    ],
    ids=["plain", "rotary", "grouped", "with mlp", "param-free norm"],
)
def test_native_bridges(changes) -> None:
    assert difference(sharpened(bridge(**changes))) < 1e-5


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama"])
def test_hugging_face_models_and_bridges_over_them(kind) -> None:
    model = sharpened(HUGGING_FACE[kind]())
    assert difference(model) < 1e-5
    assert difference(wrapped(model)) < 1e-5


def test_sliding_windows_leave_no_attention_outside() -> None:
    torch.manual_seed(0)
    model = sharpened(ARCHITECTURES["mistral"]())
    assert difference(model) < 1e-5
    found = head_scores(model, ["induction", "first_token"])
    # The window is shorter than the period, so no head can look back one copy.
    assert float(found["induction"].max()) == 0
    assert found.attrs["attention"] == "fused"


@settings(max_examples=15)
@given(
    heads=st.sampled_from([(1, 1), (4, 1), (4, 2), (6, 3)]),
    d_head=st.sampled_from([2, 5, 8]),
    period=st.integers(2, 30),
    bos=st.integers(0, 1),
)
def test_any_shape(heads: tuple[int, int], d_head: int, period: int, bos: int) -> None:
    model = bridge(n_heads=heads[0], n_key_value_heads=heads[1], d_head=d_head)
    assert difference(sharpened(model), n=2 * period + bos, period=period) < 1e-5


@pytest.mark.parametrize("n", [5, 600])
@pytest.mark.parametrize("kind", ["native", "gpt2", "llama", "mistral", "gemma2"])
def test_patterns_row_block_by_row_block_are_the_whole_patterns(kind, n) -> None:
    """600 rows are two blocks; Mistral has a window, Gemma takes the hooked path."""
    torch.manual_seed(0)
    if kind == "native":
        model = sharpened(bridge(n_ctx=600, n_key_value_heads=2))
    elif kind == "mistral":
        model = sharpened(ARCHITECTURES["mistral"]())
    else:
        model = sharpened(HUGGING_FACE[kind]())
        if kind == "gpt2":
            n = min(n, 128)  # learned positions end there
        model.config.max_position_embeddings = 600
    tokens = torch.randint(0, VOCABULARY, (1, n))
    whole: dict = {}
    visit_attention(
        as_model(model), tokens, lambda la, a, _: whole.update({(la, h): a[0, h] for h in range(4)})
    )
    heads = [(0, 0), (0, 3), (1, 2)]
    found: dict = {}
    run_patterns(as_model(model), tokens, heads, found.__setitem__, keep_whole)
    packed: dict = {}
    output = run_patterns(as_model(model), tokens, heads, packed.__setitem__, keep_packed)
    rows, keys = torch.tril_indices(n, n)
    for head in heads:
        # Scores of this size lose a digit of float32 before the softmax, on either path.
        torch.testing.assert_close(found[head], whole[head], atol=3e-5, rtol=0)
        expected = (whole[head][rows, keys] * 255).round().int()
        assert (torch.from_numpy(packed[head]).int() - expected).abs().max() <= 1
    with torch.no_grad():
        out, logits = model(tokens), output.logits()
    expected = out if isinstance(out, torch.Tensor) else out.logits
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_all_heads_block_by_block_are_the_eager_models_own_patterns(kind, monkeypatch) -> None:
    model = sharpened(HUGGING_FACE[kind]())
    tokens = torch.randint(0, VOCABULARY, (1, 77), generator=torch.Generator().manual_seed(0))
    found = {}
    for rows in (77, 10, 1):
        monkeypatch.setattr(patterns, "_BLOCK_BYTES", 4 * 4 * 77 * rows)
        found[rows] = attention_patterns(model, tokens)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        own = torch.cat(model(tokens, output_attentions=True).attentions).flatten(0, 1)
    for pattern in found.values():
        torch.testing.assert_close(pattern, own, atol=1e-5, rtol=0)


def test_patterns_take_as_many_calls_whatever_the_rows_and_heads() -> None:
    """A call for each row of each head took 4.8 times as long as the model itself."""
    model = HUGGING_FACE["gpt2"]().eval()
    tokens = torch.arange(120)[None]
    attention_patterns(model, tokens)
    counts = []
    for n, heads in ((30, None), (120, None), (120, [(0, 0), (1, 0)])):
        with Calls() as calls:
            attention_patterns(model, tokens[:, :n], heads)
        counts.append(calls.count)
    assert len(set(counts)) == 1, counts


@pytest.mark.slow
def test_one_head_of_a_long_sequence_never_needs_the_square() -> None:
    n = 16_384
    model = ARCHITECTURES["llama"]().eval()
    model.config.max_position_embeddings = n
    tokens = torch.randint(0, VOCABULARY, (1, n), generator=torch.Generator().manual_seed(0))
    found: dict = {}
    with Largest() as largest:
        run_patterns(as_model(model), tokens, [(1, 2)], found.__setitem__, keep_packed)
    packed = found[1, 2]
    assert packed.shape == (n * (n + 1) // 2,)
    assert largest.bytes <= 512 * n * 4  # a block of rows in float32
    # Attention is causal: the first rows are those of the first tokens alone.
    run_patterns(as_model(model), tokens[:, :600], [(1, 2)], found.__setitem__, keep_packed)
    first = found[1, 2].astype(int)
    assert abs(packed[: len(first)].astype(int) - first).max() <= 1


@pytest.mark.parametrize("kind", ["gpt2", "llama", "native", "bridge"])
def test_scores_compute_no_logits_and_no_square(kind) -> None:
    model = bridge() if kind == "native" else HUGGING_FACE["gpt2" if kind == "bridge" else kind]()
    model = wrapped(model) if kind == "bridge" else model.eval()
    n = 101
    with Largest() as unseen:
        difference(model)  # hooks see squares
    assert (n, n) in unseen.ends
    with Largest() as largest:
        read_fused(as_model(model), torch.ones(2, n, dtype=torch.long), readings(50, n))
    assert (n, n) not in largest.ends
    logits = {end for end in largest.ends if end[-1:] == (VOCABULARY,)}
    assert logits <= {(0, VOCABULARY)}  # of no position


def test_scores_do_not_run_what_comes_after_the_last_pattern() -> None:
    """Of two layers that is an eighth of the pass."""
    model = load_demo("attn-only-2l").replica(private=True).model(-1)
    tokens, wanted = torch.arange(101)[None], readings(50, 101)
    expected = read_hooked(model, tokens, wanted)
    model.module.ln_out = model.module.layers[-1].attn.v = model.module.layers[-1].attn.o = None
    for name, values in read_fused(model, tokens, wanted).items():
        torch.testing.assert_close(values, expected[name], atol=1e-5, rtol=0)


class Calls(TorchFunctionMode):
    """How often PyTorch is called for tensors, inside."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += not getattr(func, "__name__", "").startswith("__")
        return func(*args, **(kwargs or {}))


class Largest(TorchFunctionMode):
    """Watches how large tensors get, and their last two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.ends: set[tuple[int, ...]] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor):
            self.bytes = max(self.bytes, found.numel() * found.element_size())
            self.ends.add(tuple(found.shape[-2:]))
        return found


def test_weights_swapped_into_a_bridge_are_read() -> None:
    """The rebuilt module shares the bridge's storage; nothing stale may be left in it."""
    model = sharpened(HUGGING_FACE["gpt2"]())
    over = wrapped(model)
    head_scores(over, "induction")
    with torch.no_grad():
        for parameter in over.parameters():
            parameter.mul_(0.5)
    assert difference(over) < 1e-5


def test_soft_caps_fit() -> None:
    for model in (bridge(attn_scores_soft_cap=3.0), HUGGING_FACE["gemma2"]()):
        assert difference(sharpened(model)) < 1e-5
        assert head_scores(model, "induction").attrs["attention"] == "fused"


def test_a_readers_own_hooks_are_not_passed_by() -> None:
    """A hook that changes activations changes the scores: only the bridge's own forward runs it."""
    model = bridge()
    untouched = head_scores(model, "previous_token")["previous_token"].values
    model.add_hook("blocks.0.hook_resid_pre", lambda value, hook: value * 0)
    try:
        found = head_scores(model, "previous_token")
    finally:
        model.reset_hooks()
    assert found.attrs["attention"] == "hooked"
    assert abs(found["previous_token"].values - untouched).max() > 1e-4
