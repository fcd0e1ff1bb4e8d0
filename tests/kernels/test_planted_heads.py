"""A head that does more than multiply is right at every checkpoint, whatever it once did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from architectures import ARCHITECTURES
from induction_kernels import (
    CheckpointSeries,
    ablate,
    as_model,
    attention_patterns,
    head_scores,
    measures,
    token_losses,
    top_predictions,
)
from induction_kernels.attention.forward import run
from induction_kernels.models import outputs
from small_models import HUGGING_FACE, VOCABULARY
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import GPT2LMHeadModel, GPT2PreTrainedModel


def planted(change: Callable[[Any, Tensor, Tensor], Tensor], start: float) -> Any:
    """GPT-2 whose logits pass through `change` with a parameter that does nothing at `start`."""
    torch.manual_seed(0)
    plain = HUGGING_FACE["gpt2"]()

    class Planted(GPT2LMHeadModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.extra = nn.Parameter(torch.full((VOCABULARY,), start))

        def forward(self, input_ids: Any = None, logits_to_keep: Any = 0, **others: Any) -> Any:
            out = self.transformer(input_ids=input_ids, **{**others, "return_dict": True})
            kept = slice(-logits_to_keep, None) if logits_to_keep else slice(None)
            hidden = out.last_hidden_state[:, kept]
            out.logits = change(self, hidden, self.lm_head(hidden))
            return out

    model = Planted(plain.config)
    model.load_state_dict(plain.state_dict(), strict=False)
    return model.eval()


HEADS: dict[str, tuple[Callable[[Any, Tensor, Tensor], Tensor], float]] = {
    "bias": (lambda m, hidden, logits: logits + m.extra, 0.0),
    "in place": (lambda m, hidden, logits: logits.add_(m.extra), 0.0),
    "scale": (lambda m, hidden, logits: logits * m.extra, 1.0),
    "adapter": (
        lambda m, hidden, logits: logits + hidden @ (m.extra[:32, None] * m.lm_head.weight.T),
        0.0,
    ),
    "of the hidden state": (
        lambda m, hidden, logits: m.lm_head(hidden + m.extra[:32] * hidden.roll(1, -1)), 0.0,
    ),
}  # fmt: skip

# All that a training loop may do to a parameter, and what PyTorch does not count as a change.
WRITES: dict[str, Callable[[Any], None]] = {
    "in place": lambda m: m.extra.detach().copy_(torch.linspace(0.5, 3, VOCABULARY)),
    "by .data": lambda m: m.extra.data.copy_(torch.linspace(0.5, 3, VOCABULARY)),
    "anew": lambda m: setattr(m, "extra", nn.Parameter(torch.linspace(0.5, 3, VOCABULARY))),
    "a little": lambda m: m.extra.data.add_(0.01 * torch.linspace(-1, 1, VOCABULARY)),
}


def ids(rows: int = 3, n: int = 12) -> Tensor:
    return torch.randint(1, VOCABULARY, (rows, n), generator=torch.Generator().manual_seed(0))


def expected_losses(model: Any, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        logits = model(input_ids=tokens).logits[:, :-1].float()
    return -logits.log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_was_the_same_at_first(head, write) -> None:
    model, tokens = planted(*HEADS[head]), ids()
    for _ in range(2):
        expected = expected_losses(model, tokens)
        torch.testing.assert_close(token_losses(model, tokens), expected, atol=1e-5, rtol=0)
        WRITES[write](model)
    changed = expected_losses(model, tokens)
    assert float((changed - expected_losses(planted(*HEADS[head]), tokens)).abs().max()) > 1e-3
    torch.testing.assert_close(token_losses(model, tokens), changed, atol=1e-5, rtol=0)
    with torch.no_grad():
        row = model(input_ids=tokens[:1]).logits[0, -1]
    found = top_predictions(model, tokens[0], k=VOCABULARY)
    torch.testing.assert_close(found.logits, row[found.ids], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_ablations_at_a_later_checkpoint(head) -> None:
    """A pass that is run again for its head is the same pass, heads replaced and all."""
    model, tokens = planted(*HEADS[head]), ids()
    ablate(model, [(0, 1)], tokens, controls=0)
    WRITES["by .data"](model)
    found = ablate(model, [(0, 1)], tokens, controls=0)
    clean = expected_losses(model, tokens)
    attention = model.transformer.h[0].attn
    width = attention.head_dim
    attention.c_proj.weight.data[width : 2 * width] = 0
    ablated = expected_losses(model, tokens)
    assert found.loss == pytest.approx(float(clean.mean()), abs=1e-5)
    assert found.loss_change == pytest.approx(float((ablated - clean).mean()), abs=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_a_series_whose_first_checkpoint_does_without(head) -> None:
    model, tokens = planted(*HEADS[head]), ids(4, 12)
    first = {name: value.clone() for name, value in model.state_dict().items()}
    WRITES["by .data"](model)
    series = CheckpointSeries.from_state_dicts(model, [first, model.state_dict()])
    found = measures(series, tokens, positions=(2, 6), progress=False)["loss"].values
    for checkpoint in range(2):
        losses = expected_losses(series.load(checkpoint), tokens)
        assert found[checkpoint] == pytest.approx(float(losses.mean()), abs=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_head_that_does_hardly_more_than_multiply_is_not_left_out(precision) -> None:
    """A loss is right to 1e-5, or to what half precision holds; so is what it is made of."""
    dtype, little = getattr(torch, precision), {"float32": 1e-4, "bfloat16": 0.05}[precision]
    model, tokens = planted(*HEADS["bias"]).to(dtype), ids()
    with torch.no_grad():
        model.transformer.ln_f.weight.mul_(20)
        size = float(model(input_ids=tokens).logits.abs().max())
    before = expected_losses(model, tokens)
    model.extra.data.copy_(little * size * torch.arange(VOCABULARY).remainder(2))
    expected = expected_losses(model, tokens)
    assert float((expected - before).abs().max()) > 10 * little
    found = token_losses(model, tokens)
    torch.testing.assert_close(found, expected, atol=little / 10, rtol=0)


def test_a_head_stands_on_the_outermost_body() -> None:
    """Of a model that holds one that holds another, and goes on where that one ends."""
    torch.manual_seed(0)
    model, tokens = HUGGING_FACE["gpt2"]().eval(), ids()
    within = model.transformer

    class Around(GPT2PreTrainedModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.within = within
            self.last = nn.Linear(config.n_embd, config.n_embd)

        def get_input_embeddings(self) -> nn.Module:
            return self.within.wte

        def forward(self, input_ids: Any = None, **others: Any) -> Any:
            out = self.within(input_ids=input_ids, **{**others, "return_dict": True})
            out.last_hidden_state = self.last(out.last_hidden_state)
            return out

    model.transformer = Around(model.config).eval()
    torch.testing.assert_close(
        token_losses(model, tokens), expected_losses(model, tokens), atol=1e-5, rtol=0
    )
    assert model not in outputs._whole


@pytest.mark.parametrize("kind", HUGGING_FACE)
def test_a_hook_that_changes_the_logits_counts(kind) -> None:
    torch.manual_seed(0)
    model, tokens = HUGGING_FACE[kind]().eval(), ids()
    token_losses(model, tokens)
    model.register_forward_hook(lambda m, i, out: setattr(out, "logits", 2 * out.logits))
    torch.testing.assert_close(
        token_losses(model, tokens), expected_losses(model, tokens), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_whatever_can_be_cut_is(kind) -> None:
    """Logits of all positions at once are the largest tensor of a pass."""
    torch.manual_seed(0)
    model, tokens = ARCHITECTURES[kind]().eval(), ids()
    torch.testing.assert_close(
        token_losses(model, tokens), expected_losses(model, tokens), atol=1e-5, rtol=0
    )
    assert model not in outputs._whole


def test_a_model_that_is_not_a_number_is_not_taken_for_another_kind() -> None:
    """Once its weights are intact again, its logits are not all there at once."""
    torch.manual_seed(0)
    model, tokens = HUGGING_FACE["gpt2"]().eval(), ids()
    view = as_model(model)
    weight = model.transformer.ln_f.weight
    intact = weight.detach().clone()
    weight.data.fill_(torch.nan)
    assert token_losses(view, tokens).isnan().all()
    weight.data.copy_(intact)
    assert model not in outputs._whole


class Unembeddings(TorchFunctionMode):
    """How many rows of logits are computed, inside."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if func is nn.functional.linear and found.shape[-1] == VOCABULARY:
            self.rows += found.shape[:-1].numel()
        return found


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama", "gemma2"])
def test_the_head_is_asked_once_for_the_position_that_is_compared(kind) -> None:
    """A small model's head reads as many weights as several of its layers do."""
    model = as_model(HUGGING_FACE[kind]().eval())
    run(model, ids())
    with Unembeddings() as unembeddings:
        run(model, ids())
    assert unembeddings.rows == len(ids())


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox", "llama"])
def test_scores_and_patterns_ask_it_for_nothing(kind) -> None:
    model = as_model(HUGGING_FACE[kind]().eval())
    tokens = ids()[:1]
    for read in (
        lambda: head_scores(model, ["induction", "previous_token"], tokens.repeat(1, 2), period=12),
        lambda: attention_patterns(model, tokens),
    ):
        read()
        with Unembeddings() as unembeddings:
            read()
        assert unembeddings.rows == 0


def test_a_hook_on_the_head_sees_logits_however_little_is_wanted_of_them() -> None:
    model, seen = HUGGING_FACE["gpt2"]().eval(), []
    model.lm_head.register_forward_hook(lambda _m, _i, out: seen.append(float(out.max())))
    attention_patterns(model, ids()[:1])
    assert seen


@pytest.mark.parametrize("where", ["model", "head"])
def test_a_hook_on_the_way_to_the_logits_counts(where) -> None:
    torch.manual_seed(0)
    model, tokens = HUGGING_FACE["gpt2"]().eval(), ids()
    for factor in (1, 2):
        if where == "model":
            model.register_forward_hook(
                lambda m, i, out, by=factor: setattr(out, "logits", by * out.logits)
            )
        else:
            model.lm_head.register_forward_hook(lambda m, i, out, by=factor: by * out)
        torch.testing.assert_close(
            token_losses(model, tokens), expected_losses(model, tokens), atol=1e-5, rtol=0
        )
