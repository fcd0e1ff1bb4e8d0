"""Ablations against zeroed weights and against TransformerLens' hooks, on models of every kind."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES, sharpened, trained
from best_head import best_head
from induction_kernels import (
    CheckpointSeries,
    ablate,
    ablate_each,
    ablations,
    as_model,
    head_scores,
    load_demo,
    token_losses,
)
from induction_kernels.attention import native
from induction_kernels.causes.ablation import ablate_by_steps
from induction_kernels.causes.ablator import Ablator
from induction_kernels.causes.intervene import Intervener, permutation_without_fixed_points
from induction_kernels.errors import (
    InductionError,
    ProbeError,
    PromptError,
    SelectionError,
    UnsupportedModelError,
)
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.losses.measures import Measurer
from small_models import HUGGING_FACE, VOCABULARY, bridge, variants, wrapped
from transformers import GPTNeoConfig, GPTNeoForCausalLM
from zeroed_heads import contrasted, without

KINDS = ("zero", "mean", "resample")


def rows(count: int = 6, n: int = 70) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (count, n), generator=torch.Generator().manual_seed(7))


@cache
def trained_once(name: str):
    torch.manual_seed(0)
    return trained(HUGGING_FACE[name]())


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
@pytest.mark.parametrize("heads", [[(0, 1)], [(1, 3)], [(0, 0), (0, 2), (1, 1)]])
@pytest.mark.parametrize("as_bridge", [False, True])
def test_zero_ablation_is_that_of_zeroed_weights(name, heads, as_bridge) -> None:
    module = trained_once(name)
    model = as_model(wrapped(module) if as_bridge else module)
    ablator = Ablator(model, TextProbe.of_tokens(model, rows()))
    clean, ablated = ablator.losses(model, [heads, [(0, 3)]], ablator.text)
    assert torch.allclose(clean, token_losses(module, rows()), atol=1e-5)
    for set_, found in zip((heads, [(0, 3)]), ablated, strict=True):
        assert torch.allclose(found, token_losses(without(module, set_), rows()), atol=1e-5)


def by_hooks(model, tokens: torch.Tensor, heads, kind: str, frozen: bool) -> torch.Tensor:
    """Losses with heads replaced through TransformerLens' hooks; every pass is a whole one."""
    with torch.no_grad():
        _, clean = model.run_with_cache(tokens)
        hooks = []
        donors = permutation_without_fixed_points(len(tokens), 0)
        for layer in range(model.cfg.n_layers):
            here = [head for at, head in heads if at == layer]
            z = clean[f"blocks.{layer}.attn.hook_z"].reshape(*tokens.shape, model.cfg.n_heads, -1)
            instead = {
                "zero": torch.zeros_like(z),
                "mean": z.mean((0, 1), keepdim=True).expand_as(z),
                "resample": z[donors],
            }[kind]

            def replace(value, hook, here=here, instead=instead):
                flat = value.reshape(instead.shape).clone()
                flat[:, :, here] = instead[:, :, here]
                return flat.reshape(value.shape)

            hooks.append((f"blocks.{layer}.attn.hook_z", replace))
            if frozen:
                pattern = clean["pattern", layer]
                hooks.append(
                    (f"blocks.{layer}.attn.hook_pattern", lambda _, hook, kept=pattern: kept)
                )
        output = model.run_with_hooks(tokens, fwd_hooks=hooks)
    # A bridge over a Hugging Face model may return that model's output object.
    logits = getattr(output, "logits", output)
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
    ).unflatten(0, (len(tokens), -1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [False, True])
def test_every_kind_is_that_of_hooks(kind, frozen) -> None:
    module = load_demo("attn-only-3l").load(-1)
    model = as_model(module)
    heads = [(0, 3), (1, 0), (1, 1)]
    ablator = Ablator(model, TextProbe.default(model, rows=6), kind=kind, frozen=frozen)
    clean, (ablated,) = ablator.losses(model, [heads], ablator.text)
    expected = by_hooks(module, ablator.text.tokens, heads, kind, frozen)
    assert torch.allclose(ablated, expected, atol=2e-4)
    assert not torch.allclose(ablated, clean, atol=0.1)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frozen", [False, True])
def test_hugging_face_is_that_of_hooks_on_a_bridge(name, kind, frozen) -> None:
    """Four layers, so that layers below and above the ablated ones are run, or not."""
    shallow = HUGGING_FACE[name]()
    shallow.config.num_hidden_layers = 4
    torch.manual_seed(0)
    module = sharpened(type(shallow)(shallow.config))
    by_bridge = wrapped(module)
    heads = [(1, 1), (1, 2), (2, 0)]
    expected = by_hooks(by_bridge, rows(), heads, kind, frozen)
    for given in (module, by_bridge):
        model = as_model(given)
        ablator = Ablator(model, TextProbe.of_tokens(model, rows()), kind=kind, frozen=frozen)
        clean, (ablated,) = ablator.losses(model, [heads], ablator.text)
        assert torch.allclose(ablated, expected, atol=1e-4)
        assert (ablated - clean).abs().max() > 0.05


@pytest.mark.parametrize("make", [bridge, lambda: trained_once("llama")])
def test_each_head_alone_is_as_in_a_set_of_one(make) -> None:
    model = make()
    tokens = rows(8)
    found = ablate_each(model, tokens)
    for layer in range(2):
        for head in range(4):
            one = ablate(model, [(layer, head)], tokens, controls=0)
            here = found.isel(layer=layer, head=head)
            assert float(here.loss) == pytest.approx(one.loss_change, abs=1e-5)
            for name in ("in_context_learning", "induction_loss"):
                assert float(here[name]) == pytest.approx(getattr(one, f"{name}_change"), abs=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_induction_loss_is_that_of_zeroed_weights(name) -> None:
    module = contrasted(name)
    measurer = Measurer(as_model(module), TextProbe.of_tokens(as_model(module), rows()))
    whole = measurer(as_model(module))["induction_loss"]
    found = ablate_each(module, rows()).induction_loss
    assert float(abs(found).max()) > 0.1
    for layer, head in [(0, 1), (1, 2)]:
        cut = measurer(as_model(without(module, [(layer, head)])))["induction_loss"]
        assert float(found[layer, head]) == pytest.approx(float(cut - whole), abs=1e-5)
    both = measurer(as_model(without(module, [(0, 1), (1, 2)])))["induction_loss"]
    together = ablate(module, [(0, 1), (1, 2)], rows(), controls=2)
    assert together.induction_loss == pytest.approx(float(whole), abs=1e-5)
    assert together.induction_loss_change == pytest.approx(float(both - whole), abs=1e-5)
    assert together.induction_loss_error > 0
    ablator = Ablator(as_model(module), TextProbe.of_tokens(as_model(module), rows()))
    drawn = ablator.controls(as_model(module), [(0, 1), (1, 2)], 2)
    cuts = [measurer(as_model(without(module, heads)))["induction_loss"] for heads in drawn]
    assert together.control_induction_loss == pytest.approx(
        [float(cut - whole) for cut in cuts], abs=1e-5
    )


def test_repeated_tokens_are_known_before_the_text() -> None:
    model = as_model(bridge())
    ablator = Ablator(model, TextProbe.of_tokens(model, rows()))
    steps = [known() for known in ablate_by_steps(ablator, model, [(0, 1)], 2)]
    names = ("induction_loss_change", "loss_change")
    known = [tuple(bool(np.isfinite(getattr(one, name))) for name in names) for one in steps]
    assert known == sorted(known)
    assert (True, False) in known
    assert known[-1] == (True, True)


def test_layers_below_are_not_run_again(monkeypatch) -> None:
    blocks = 0
    plain = native._run_block

    def count(*arguments):
        nonlocal blocks
        blocks += 1
        return plain(*arguments)

    model = as_model(bridge(n_layers=5))
    monkeypatch.setattr(native, "_run_block", count)
    intervener = Intervener(model, rows(2))
    assert blocks == 5
    clean = intervener.clean.output.logits()
    intervener.run({(3, 0): torch.zeros(())})
    assert blocks == 7
    intervener.run({(0, 0): torch.zeros(())})  # a whole pass, which must not spoil what is kept
    assert blocks == 12
    assert torch.equal(intervener.run({(4, 1): intervener.clean.z[4][:, 1]}).logits(), clean)


def test_a_layers_own_forward_is_put_back() -> None:
    module = HUGGING_FACE["llama"]()
    layer = module.model.layers[0]
    own = layer.forward
    layer.forward = own  # as accelerate leaves it
    Intervener(as_model(module), rows(2)).run({(1, 0): torch.zeros(())})
    assert vars(layer)["forward"] is own


def test_nothing_is_left_behind() -> None:
    module = HUGGING_FACE["llama"]()
    before = module(rows(2)).logits
    ablate_each(module, rows(4))
    with pytest.raises(RuntimeError):
        Intervener(as_model(module), rows(2)).run({(1, 0): torch.zeros(3)})
    assert torch.equal(module(rows(2)).logits, before)
    assert not any("forward" in vars(child) for child in module.modules())
    assert not any(child._forward_hooks for child in module.modules())


def test_what_a_reader_is_told() -> None:
    model = load_demo("attn-only-2l").load(-1)
    head = best_head(head_scores(model, "induction").induction)
    sentence = "The message code is not for this event or path."
    prompt = f"{sentence} {sentence}".removesuffix(" path.")
    found = ablate(model, [head], prompt=prompt, answer=" path")
    assert found.induction_loss_change > 4 * found.induction_loss_error > 0
    assert found.induction_loss_change > 10 * np.median(found.control_induction_loss)
    assert found.answer_before is not None
    assert found.answer_after is not None
    assert found.answer_before[0] > 0.5 > found.answer_after[0]
    assert found.answer_before[1] == 0
    assert len(found.control_loss) == 20
    share = (np.abs(found.control_loss) >= found.loss_change).mean()
    assert found.share_of_controls == share
    again = ablate(model, [head])
    assert (again.control_loss == found.control_loss).all()


def test_controls_are_as_many_other_heads_of_the_same_layers() -> None:
    model = as_model(bridge())
    ablator = Ablator(model, TextProbe.of_tokens(model, rows()))
    for controls in ablator.controls(model, [(0, 1), (1, 0), (1, 3)], 10):
        assert [layer for layer, _ in controls] == [0, 1, 1]
        assert not {(0, 1), (1, 0), (1, 3)} & set(controls)
    most = [(0, 0), (0, 1), (0, 2)]
    assert all(len(set(drawn)) == 3 for drawn in ablator.controls(model, most, 5))
    every = [(layer, head) for layer in range(2) for head in range(4)]
    assert ablator.controls(model, every, 5) == []
    assert np.isnan(ablate(model, every, rows()).share_of_controls)


def test_repeated_controls_are_run_once_and_counted_each(monkeypatch) -> None:
    model = as_model(bridge())
    ablator = Ablator(model, TextProbe.of_tokens(model, rows()))
    drawn = ablator.controls(model, [(0, 1)], 20)
    clean, ablated = ablator.losses(model, drawn, ablator.text)
    passes = 0
    plain = Intervener.run

    def count(*arguments, **options):
        nonlocal passes
        passes += 1
        return plain(*arguments, **options)

    monkeypatch.setattr(Intervener, "run", count)
    found = ablate(model, [(0, 1)], rows())
    assert passes == 2 * 4  # on both texts the head, and the three others of its layer
    assert found.control_loss == pytest.approx((ablated - clean).mean((1, 2)).numpy(), abs=1e-7)


def test_through_training_with_a_gap() -> None:
    model = bridge()
    weights = variants(model)
    weights[1]["blocks.0.attn.q.weight"][:] = torch.nan
    series = CheckpointSeries.from_state_dicts(model, weights)
    with pytest.warns(match="step 1: .*NaN"):
        found = ablations(series, [(0, 1)], rows(), controls=3, progress=False)
    one = ablate(series.load(2), [(0, 1)], rows(), controls=3)
    assert float(found.loss_change[2]) == pytest.approx(one.loss_change, abs=1e-6)
    assert found.control_loss[2].values == pytest.approx(one.control_loss, abs=1e-6)
    assert np.isnan(found.loss_change[1])


def test_what_cannot_be_ablated() -> None:
    model = bridge()
    with pytest.raises(SelectionError, match=r"head 4 in layer 1.*0 to 3"):
        ablate(model, [(1, 4)], rows())
    with pytest.raises(SelectionError, match="No heads"):
        ablate(model, [], rows())
    with pytest.raises(SelectionError, match="no other row"):
        ablate(model, [(0, 0)], rows(1), kind="resample")
    short = ablate(model, [(0, 0)], rows(n=20), controls=2)
    assert np.isnan(short.in_context_learning_change)
    assert np.isfinite(short.loss_change)
    with pytest.raises(ProbeError, match="next token"):
        ablate(model, [(0, 0)], rows(n=1))
    with pytest.raises(PromptError, match="Give both"):
        ablate(model, [(0, 0)], rows(), prompt="1 2")
    with pytest.raises(PromptError, match="Give both"):
        ablate(model, [(0, 0)], rows(), answer="1")
    series = CheckpointSeries.from_state_dicts(model, variants(model))
    with pytest.raises(ProbeError, match="Token 999"):
        ablations(series, [(0, 0)], torch.full((3, 20), 999), progress=False)
    shape = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_layers": 2, "num_heads": 4}
    own_code = GPTNeoForCausalLM(GPTNeoConfig(**shape, attention_types=[[["global"], 2]]))
    with pytest.raises(UnsupportedModelError, match=r"attention interface.*TransformerBridge"):
        ablate(own_code, [(0, 0)], rows())


@pytest.mark.parametrize("kind", ["gemma2", "gpt_oss"])
def test_heads_with_soft_caps_and_sinks_are_ablated(kind: str) -> None:
    torch.manual_seed(0)
    module, heads, text = sharpened(ARCHITECTURES[kind]()), [(0, 1), (1, 2)], rows()
    found = ablate(module, heads, text, controls=2)
    change = token_losses(without(module, heads), text) - token_losses(module, text)
    assert abs(found.loss_change) > 1e-3
    assert found.loss_change == pytest.approx(float(change.mean()), abs=1e-5)


def test_losses_that_overflow_are_no_result() -> None:
    model = bridge()
    with torch.no_grad():
        model.unembed.weight.fill_(3e38)
    with pytest.raises(InductionError, match="not finite"):
        ablate(model, [(0, 0)], rows())


@pytest.mark.unchecked
@pytest.mark.parametrize("heads", [[(0.7, 1.9)], (0, 1), [(0,)], ["L0H1"]])
def test_what_is_no_head(heads) -> None:
    with pytest.raises(SelectionError, match=r"pairs of whole numbers"):
        ablate(bridge(), heads, rows())


@pytest.mark.unchecked
def test_a_kind_that_does_not_exist() -> None:
    with pytest.raises(SelectionError, match="zero, mean, resample"):
        ablate(bridge(), [(0, 0)], rows(), kind="noise")  # type: ignore[arg-type]
