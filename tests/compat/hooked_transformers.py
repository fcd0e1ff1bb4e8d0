"""What the HookedTransformer of TransformerLens 2 and 3 computes, and what we read of it.

Run by test_older_transformer_lens.py in environments that have one.
"""

from __future__ import annotations

import pytest
import torch
from induction_explorer import CheckpointSeries, InductionExplorer, sweep
from induction_kernels import (
    ablate_each,
    as_model,
    attention_patterns,
    head_scores,
    token_losses,
    top_predictions,
)
from induction_kernels.errors import UnsupportedModelError
from transformer_lens import HookedTransformer, HookedTransformerConfig

PERIOD = 20
KINDS = {
    "attention only": {},
    "with MLPs": {"attn_only": False},
    "rotary": {"positional_embedding_type": "rotary", "rotary_dim": 8, "attn_only": False},
    "grouped": {
        "positional_embedding_type": "rotary", "rotary_dim": 8, "n_key_value_heads": 2,
    },
    "shortformer": {"positional_embedding_type": "shortformer"},
    "ALiBi": {"positional_embedding_type": "alibi"},
    "soft cap": {"attn_scores_soft_cap": 3.0},
    "no normalization": {"normalization_type": None},
}  # fmt: skip


def hooked(seed: int = 0, **changes: object) -> HookedTransformer:
    settings = {"attn_only": True, "act_fn": "gelu", **changes}
    cfg = HookedTransformerConfig(
        n_layers=2, d_model=32, n_ctx=128, d_head=8, n_heads=4, d_vocab=200, seed=seed,
        device="cpu", **settings,
    )  # fmt: skip
    return HookedTransformer(cfg)


def repeated() -> torch.Tensor:
    """BOS, twenty tokens, and the same again: three rows."""
    copy = torch.randint(1, 200, (3, PERIOD), generator=torch.Generator().manual_seed(1))
    return torch.cat([torch.zeros(3, 1, dtype=torch.long), copy, copy], dim=1)


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_and_scores_are_those_of_its_own_cache(kind) -> None:
    model, tokens = hooked(**KINDS[kind]), repeated()
    _, cache = model.run_with_cache(tokens)
    found = attention_patterns(model, tokens[:1], heads=[(0, 1), (1, 2)])
    for (layer, head), pattern in zip([(0, 1), (1, 2)], found, strict=True):
        torch.testing.assert_close(pattern, cache["pattern", layer][0, head], atol=1e-6, rtol=0)
    scores = head_scores(model, ["induction", "induction_logit"], tokens=tokens, period=PERIOD)
    for name, hook in (("induction", "pattern"), ("induction_logit", "attn_scores")):
        for layer in range(2):
            stripe = cache[hook, layer].diagonal(1 - PERIOD, -2, -1)[..., -PERIOD:]
            ours = torch.tensor(scores[name].values[layer])
            torch.testing.assert_close(ours, stripe.mean((0, 2)), atol=1e-6, rtol=0)


def test_losses_and_predictions_are_its_own() -> None:
    model, tokens = hooked(), repeated()
    own = model(tokens, return_type="loss", loss_per_token=True)
    torch.testing.assert_close(token_losses(model, tokens), own, atol=1e-6, rtol=0)
    best = int(model(tokens[:1])[0, -1].argmax())
    assert top_predictions(model, tokens[:1], k=1).ids[0] == best


def test_a_folded_one_says_so() -> None:
    model = hooked()
    model.process_weights_()
    assert (as_model(hooked(normalization_type="LN")).weights, as_model(model).weights) == (
        "raw", "folded",
    )  # fmt: skip


def test_its_own_state_dicts_are_a_series() -> None:
    models = [hooked(seed) for seed in range(3)]
    series = CheckpointSeries.from_state_dicts(
        models[-1], [one.state_dict() for one in models], steps=[0, 10, 100]
    )
    swept = sweep(series, scores=["induction"], progress=False)
    for index, one in enumerate(models):
        expected = head_scores(one, "induction").induction.values
        torch.testing.assert_close(
            torch.tensor(swept.induction.values[index]), torch.tensor(expected), atol=1e-6, rtol=0
        )


def test_an_explorer_shows_one() -> None:
    model = hooked()
    explorer = InductionExplorer(model)
    try:
        explorer.wait()
        found = explorer.scores().induction.values[0]
        expected = head_scores(model, "induction").induction.values
        torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), atol=1e-6, rtol=0)
    finally:
        explorer.close()


def test_what_needs_to_change_its_heads_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedModelError, match="Pass the Hugging Face model, or a Transf"):
        ablate_each(hooked(), repeated())
    with pytest.raises(UnsupportedModelError, match="scores of the attention do not"):
        head_scores(hooked(), "ov_copying")
    folded = hooked()
    folded.process_weights_()
    with pytest.raises(UnsupportedModelError, match="scores of the attention do not"):
        head_scores(folded, "ov_copying")
