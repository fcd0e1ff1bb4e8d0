"""A model that a function changed is as it was, and what was changed is said."""

from __future__ import annotations

import copy

import pytest
import torch
from induction_kernels import as_model, head_scores, sweep
from induction_kernels.checkpoints.lending import lent
from induction_kernels.errors import InductionError
from short_runs import SHAPE, run
from small_models import HUGGING_FACE, bridge
from torch import nn


def weights_in_place(module):
    with torch.no_grad():
        next(module.parameters()).mul_(2)


def weights_by_data(module):
    first = next(module.parameters())
    first.data = torch.zeros_like(first)


def weights_in_another_dtype(module):
    module.half()


def a_parameter_replaced(module):
    part = next(part for part in module.modules() if part._parameters)
    name = next(iter(part._parameters))
    setattr(part, name, nn.Parameter(torch.zeros(3)))


def a_part_removed(module):
    part = next(part for part in module.modules() if isinstance(part, nn.ModuleList))
    del part[0]


def a_hook(module):
    last = list(module.modules())[-1]
    last.register_forward_hook(lambda part, given, out: None)


def a_hook_before(module):
    last = list(module.modules())[-1]
    last.register_forward_pre_hook(lambda part, given: None)


def a_forward(module):
    last = list(module.modules())[-1]
    last.forward = lambda *given: given[0]


def training(module):
    module.train()


def frozen(module):
    for one in module.parameters():
        one.requires_grad = False


def gradients(module):
    with torch.enable_grad():
        sum(one.sum() for one in module.parameters()).backward()


CHANGES = {
    weights_in_place: "weights of ",
    weights_by_data: "weights of ",
    weights_in_another_dtype: "weights of ",
    a_parameter_replaced: "parts of ",
    a_part_removed: "parts of ",
    a_hook: "hooks of ",
    a_hook_before: "hooks of ",
    a_forward: "hooks of ",
    training: "modes of ",
    frozen: "gradients of ",
    gradients: "gradients of ",
}
MODELS = {"bridge": bridge, "gpt2": HUGGING_FACE["gpt2"]}
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def logits(module):
    out = module(TOKENS)
    return getattr(out, "logits", out).detach()


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("kind", MODELS)
def test_what_a_function_changes_is_said_and_undone(kind, change) -> None:
    module = MODELS[kind]().eval()
    model = as_model(module)
    before, names = logits(module), [name for name, _ in module.named_parameters()]
    copies = copy.deepcopy({name: one.detach() for name, one in module.named_parameters()})
    with lent(model) as lending:
        change(lending.module)
    assert any(said.startswith(CHANGES[change]) for said in lending.changed), lending.changed
    now = dict(module.named_parameters())
    assert list(now) == names
    for name, one in now.items():
        assert torch.equal(one, copies[name])
        assert one.dtype == copies[name].dtype
        assert one.requires_grad
        assert one.grad is None
    assert not any(part.training for part in module.modules())
    assert torch.equal(logits(module), before)


@pytest.mark.parametrize("kind", MODELS)
def test_a_function_that_only_looks_has_changed_nothing(kind) -> None:
    module = MODELS[kind]()
    with lent(as_model(module)) as lending:
        logits(lending.module)
        if kind == "bridge":
            lending.module.run_with_cache(TOKENS)
            lending.module.run_with_hooks(
                TOKENS, fwd_hooks=[("blocks.0.attn.hook_pattern", lambda x, hook: x)]
            )
    assert lending.changed == ()
    assert module.training


def test_hooks_that_were_there_stay() -> None:
    module, seen = bridge(), []
    module.blocks[0].hook_in.add_hook(lambda x, hook: seen.append(1))
    with lent(as_model(module)) as lending:
        lending.module.reset_hooks()
        lending.module.blocks[1].hook_in.add_hook(lambda x, hook: seen.append(2))
    assert lending.changed
    seen.clear()
    logits(module)
    assert seen == [1]


def test_what_it_changed_is_undone_when_it_fails() -> None:
    module = bridge()
    before = logits(module)

    def stopped() -> None:
        with lent(as_model(module)) as lending:
            weights_in_place(lending.module)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert torch.equal(logits(module), before)


def test_a_sweep_says_it_and_has_the_numbers_of_ours_as_without_it() -> None:
    series = run()
    before = head_scores(series.load(1), "induction")["induction"]

    def mine(model, probe):
        weights_in_place(model)
        return torch.ones(SHAPE)

    with pytest.warns(UserWarning, match="mine changed the model, which was undone, at 4 chec"):
        found = sweep(series, [mine, "induction"], progress=False)
    assert (found["mine"] == 1).all()
    torch.testing.assert_close(
        torch.tensor(found["induction"][1].to_numpy()), torch.tensor(before.to_numpy())
    )
    assert found["mine"].attrs["changed"][0].startswith("step 0: weights of ")


def test_a_model_without_memory_for_another_copy_is_refused(monkeypatch) -> None:
    def none(self, *args, **options):
        raise MemoryError

    monkeypatch.setattr(torch.Tensor, "clone", none)
    with pytest.raises(InductionError, match="no memory"), lent(as_model(bridge())):
        pass
