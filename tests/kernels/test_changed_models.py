"""A model that its user changed is that model, and no checkpoint of the series it came from."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from induction_kernels import (
    CheckpointSeries,
    ablations,
    as_model,
    head_scores,
    load_demo,
    measures,
    passage_losses,
    sweep,
)
from induction_kernels.checkpoints import series_of
from induction_kernels.checkpoints.copies import copied
from induction_kernels.errors import CheckpointError
from small_models import HUGGING_FACE, bridge, variants, wrapped


@pytest.fixture(scope="module")
def original() -> Any:
    return bridge()


@pytest.fixture
def series(original) -> CheckpointSeries:
    return CheckpointSeries.from_state_dicts(original, variants(original, 3))


def trained(model: Any) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    found = model(torch.arange(12)[None])
    getattr(found, "logits", found).square().mean().backward()
    optimizer.step()


def zeroed(model: Any) -> None:
    with torch.no_grad():
        model.blocks[0].attn.o.weight.zero_()


def zeroed_by_its_data(model: Any) -> None:
    model.blocks[0].attn.o.weight.data.zero_()


def written_through_numpy(model: Any) -> None:
    model.blocks[0].attn.o.weight.detach().numpy()[:] = 0


def one_number(model: Any) -> None:
    model.blocks[1].attn.k.weight.data[3, 4] += 1e-3


def of_another_checkpoint(model: Any) -> None:
    model.load_state_dict(variants(bridge(), 3)[2])


def other_parameter(model: Any) -> None:
    weight = model.blocks[0].attn.o._original_component
    weight.weight = torch.nn.Parameter(torch.zeros_like(weight.weight))


def a_buffer(model: Any) -> None:
    """The bias of the unembedding: saved, though not trained."""
    model.unembed.bias.data[5] = 9


CHANGES: dict[str, Callable[[Any], None]] = {
    change.__name__: change
    for change in (
        trained, zeroed, zeroed_by_its_data, written_through_numpy, one_number,
        of_another_checkpoint, other_parameter, a_buffer,
    )
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_model_is_not_its_series(series, change) -> None:
    model = series.load(1)
    assert series_of(model) is not None
    change(model)
    assert series_of(model) is None
    assert series_of(as_model(model)) is None


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_loading_a_checkpoint_gives_that_checkpoint(series, change) -> None:
    expected = {k: v.clone() for k, v in series.replica().load(1).state_dict().items()}
    model = series.load(1)
    change(model)
    again = series.load(1)
    assert again is model
    assert all(torch.equal(v, expected[k]) for k, v in again.state_dict().items())
    assert series_of(again)[1] == 1


def another_activation(model: Any) -> None:
    model.model.layers[1].mlp.act_fn = torch.nn.ReLU()


def another_epsilon(model: Any) -> None:
    model.model.norm.variance_epsilon = 100.0


def another_configuration(model: Any) -> None:
    model.config.sliding_window = 4


def a_forward_of_its_own(model: Any) -> None:
    model.model.layers[0].mlp.forward = lambda x: x * 0


def a_layer_less(model: Any) -> None:
    model.model.layers[1] = torch.nn.Identity()


@pytest.mark.parametrize(
    "change",
    [
        another_activation,
        another_epsilon,
        another_configuration,
        a_forward_of_its_own,
        a_layer_less,
    ],
)
def test_a_model_that_computes_something_else_with_its_weights_is_not_its_series(change) -> None:
    model = HUGGING_FACE["llama"]().eval()
    loaded = CheckpointSeries.from_state_dicts(model, variants(model, 2)).load(1)
    loaded(torch.arange(12)[None])
    head_scores(loaded, "induction")
    assert series_of(loaded) is not None
    change(loaded)
    assert series_of(loaded) is None


ROWS = torch.arange(4 * 70).view(4, 70)
WALKS: dict[str, Callable[[CheckpointSeries], Any]] = {
    "sweep": lambda series: sweep(series, "induction", progress=False),
    "measures": lambda series: measures(series, ROWS, progress=False),
    "ablations": lambda series: ablations(series, [(0, 1)], ROWS, progress=False),
    "passage_losses": lambda series: passage_losses(series, [5, 3, 5, 3, 5], progress=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_what_walks_through_a_series_takes_nothing_from_the_users_model(series, walk) -> None:
    """Neither its weights for a checkpoint's, nor the model itself to swap weights in."""
    expected = walk(series.replica())
    model = series.load(0)
    trained(model)
    held = copy.deepcopy(model.state_dict())
    assert walk(series).identical(expected)
    assert all(torch.equal(v, held[k]) for k, v in model.state_dict().items())


def test_a_changed_model_is_scored_as_it_is(series, original) -> None:
    model = series.load(1)
    zeroed(model)
    alone = copy.deepcopy(original)
    alone.load_state_dict(model.state_dict())
    ours, theirs = (head_scores(m, "induction")["induction"] for m in (model, alone))
    assert ours.equals(theirs)
    single = CheckpointSeries.single(as_model(model))
    assert single.name == "native, changed"


def test_a_bundled_model_and_a_half_precision_one_are_told_apart_from_changed_ones() -> None:
    """What rounding to the place's dtype does is no change."""
    for series in (load_demo(), load_demo().to(dtype=torch.bfloat16)):
        model = series.load(-1)
        assert series_of(model) is not None
        next(model.parameters()).data.view(-1)[0] += 1
        assert series_of(model) is None


def test_a_model_with_hooks_of_its_user_is_itself_until_they_are_gone(series) -> None:
    """They take part in its forward pass; the series' own model has none."""
    model = series.load(1)
    plain = head_scores(model, "induction")["induction"]
    assert series_of(model) is not None  # the bridge hooks itself when it runs
    model.add_hook("blocks.0.hook_attn_out", lambda found, hook: found * 0)
    assert series_of(model) is None
    hooked = head_scores(model, "induction")["induction"]
    assert not hooked.equals(plain)
    alone = CheckpointSeries.single(as_model(model))
    assert head_scores(alone.load(0), "induction")["induction"].equals(hooked)
    model.reset_hooks()
    assert series_of(model)[1] == 1


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_of_pytorch_count_and_those_of_transformers_do_not(register) -> None:
    model = HUGGING_FACE["llama"]().eval()
    loaded = CheckpointSeries.from_state_dicts(model, variants(model, 2)).load(1)
    loaded.set_attn_implementation("eager")
    loaded(torch.arange(9)[None], output_attentions=True, output_hidden_states=True)
    assert series_of(loaded) is not None
    handle = getattr(loaded.model.layers[0].mlp, register)(lambda *_: None)
    assert series_of(loaded) is None
    handle.remove()
    assert series_of(loaded) is not None


def test_a_buffer_that_no_checkpoint_has_counts_too() -> None:
    """The frequencies of rotary positions: not saved, and every pattern depends on them."""
    model = HUGGING_FACE["llama"]().eval()
    series = CheckpointSeries.from_state_dicts(model, variants(model, 2))
    loaded = series.load(1)
    expected = head_scores(loaded, "induction")["induction"]
    loaded.model.rotary_emb.inv_freq.mul_(0.1)
    assert not head_scores(loaded, "induction")["induction"].equals(expected)
    assert series_of(loaded) is None
    assert head_scores(series.load(1), "induction")["induction"].equals(expected)
    assert series_of(loaded)[1] == 1


def test_a_rounded_model_is_not_its_series(series) -> None:
    model = series.load(1).to(torch.bfloat16)
    assert series_of(model) is None


def test_a_model_whose_checkpoint_is_gone_is_itself(tmp_path) -> None:
    model = HUGGING_FACE["llama"]().eval()
    model.save_pretrained(tmp_path / "checkpoint-1")
    loaded = CheckpointSeries.from_folder(tmp_path).load(0)
    assert series_of(loaded) is not None
    (tmp_path / "checkpoint-1" / "model.safetensors").unlink()
    assert series_of(loaded) is None


# --- state dicts that are not what they were ---


def test_state_dicts_that_were_not_copied_are_refused() -> None:
    """`state_dict()` gives the live weights: every entry of such a list is the last step."""
    model = HUGGING_FACE["llama"]()
    collected = []
    for _ in range(3):
        trained_on(model)
        collected.append(model.state_dict())
    with pytest.raises(CheckpointError, match=r"State dicts 0 and 1 are the same tensors.*clone"):
        CheckpointSeries.from_state_dicts(model, collected)


def test_the_models_own_state_dict_is_of_the_moment_it_was_given() -> None:
    model = HUGGING_FACE["llama"]()
    first = {k: v.clone() for k, v in model.state_dict().items()}
    trained_on(model)
    series = CheckpointSeries.from_state_dicts(model, [first, model.state_dict()])
    expected = {k: v.clone() for k, v in model.state_dict().items()}
    trained_on(model)
    loaded = series.load(1).state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in expected.items())


def trained_on(model: Any) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


@pytest.mark.slow
def test_a_lone_model_is_of_the_moment_it_was_given(tokenizer) -> None:
    """And read in a copy: its owner may use it at the same time."""
    for model in (bridge(), *(make() for make in HUGGING_FACE.values())):
        series = CheckpointSeries.single(as_model(model, tokenizer))
        before = head_scores(series.load(0), "induction")["induction"]
        trained_on(model)
        for later in (series, series.replica(), series.to(dtype=torch.float32)):
            assert head_scores(later.load(0), "induction")["induction"].equals(before)
        assert not head_scores((model, tokenizer), "induction")["induction"].equals(before)


def test_copies_are_independent_of_what_they_were_made_of() -> None:
    """A bridge hooks itself; a copied hook would write into the original, or miss it."""
    for make in (bridge, lambda: wrapped(HUGGING_FACE["gpt2"]()), HUGGING_FACE["llama"]):
        model = make()
        trained(model)  # and leaves a history behind
        made = copied(model)
        tokens = torch.arange(9)[None]
        model.eval()
        expected = output(model, tokens)
        kept = {id(part): dict(vars(part)) for part in model.modules()}
        trained(made)
        assert all(vars(part) == kept[id(part)] for part in model.modules())
        again = copied(model)
        del model
        gc.collect()
        assert torch.equal(output(again, tokens), expected)


def output(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found = model(tokens)
    return getattr(found, "logits", found)


def test_a_lone_model_is_not_moved_with_its_series() -> None:
    model = bridge()
    series = CheckpointSeries.single(as_model(model))
    assert series.to(dtype=torch.bfloat16).model(0).dtype == torch.bfloat16
    assert as_model(model).dtype == torch.float32
    assert series.model(0).dtype == torch.float32
