"""A padded row gives what it gives by itself, and padding without a mask is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from induction_kernels import (
    CheckpointSeries,
    ablate,
    ablate_each,
    ablations,
    as_model,
    attention_patterns,
    head_scores,
    in_context_learning,
    measures,
    passage_losses,
    token_losses,
    top_predictions,
)
from induction_kernels.causes.ablator import Ablator
from induction_kernels.causes.intervene import Intervener
from induction_kernels.errors import ProbeError, PromptError
from induction_kernels.inputs.probes import ordinary_tokens
from induction_kernels.inputs.texts import TextProbe
from small_models import HUGGING_FACE, VOCABULARY, bridge, variants, wrapped

PAD = 0
LENGTHS = (9, 5, 9, 2, 7)


def sharp(make: Callable[[], Any]) -> Any:
    """Wider weights than at initialisation, so that patterns are far from uniform."""
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    return model


def soft_capped() -> Any:
    """Attention that only the hooks' way reads."""
    return bridge(attn_scores_soft_cap=3.0)


# The fused way, TransformerLens' hooks and Transformers' interface written out.
MODELS = {
    "gpt2": lambda: sharp(HUGGING_FACE["gpt2"]),
    "gemma2": lambda: sharp(HUGGING_FACE["gemma2"]),
    "native": bridge,
    "bridge over gpt2": lambda: wrapped(sharp(HUGGING_FACE["gpt2"])),
    "soft cap": soft_capped,
}


def ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, VOCABULARY, shape, generator=torch.Generator().manual_seed(seed))


def padded(rows: list[torch.Tensor], side: str, fill: int = PAD) -> tuple[torch.Tensor, ...]:
    """Rows in one rectangle, and its mask; on both sides, every other row begins with padding."""
    longest = max(map(len, rows)) + (2 if side == "both" else 0)
    tokens = torch.full((len(rows), longest), fill)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        start = {"left": longest - len(row), "right": 0, "both": min(1 + i % 2, longest)}[side]
        tokens[i, start : start + len(row)] = row
        mask[i, start : start + len(row)] = 1
    return tokens, mask


@pytest.mark.parametrize("side", ["left", "right", "both"])
@pytest.mark.parametrize("kind", MODELS)
def test_losses_of_a_padded_row_are_those_of_the_row(kind, side) -> None:
    model = MODELS[kind]()
    rows = [ids(n, seed=n) for n in LENGTHS]
    tokens, mask = padded(rows, side)
    found = token_losses(model, tokens, attention_mask=mask, batch_size=2)
    assert found.shape == (len(rows), tokens.shape[1] - 1)
    for row, losses, real in zip(rows, found, mask.bool(), strict=True):
        predicted = real[:-1] & real[1:]
        expected = token_losses(model, row[None])[0]
        torch.testing.assert_close(losses[predicted], expected, atol=1e-5, rtol=0)
        assert losses[~predicted].isnan().all()


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_losses_are_those_that_the_model_gives_with_the_mask(kind) -> None:
    """An independent way: Transformers' own attention under its own mask, on the right."""
    model = sharp(HUGGING_FACE[kind])
    tokens, mask = padded([ids(n, seed=n) for n in LENGTHS], "right")
    with torch.no_grad():
        logits = model(input_ids=tokens, attention_mask=mask).logits[:, :-1]
    expected = -logits.log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    found = token_losses(model, tokens, attention_mask=mask)
    real = mask[:, 1:].bool()
    torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", MODELS)
def test_scores_of_padded_rows_are_the_mean_of_the_rows(kind) -> None:
    model = MODELS[kind]()
    names = ["induction", "previous_token", "induction_logit", "entropy", "natural_induction"]
    order = torch.randperm(VOCABULARY - 1, generator=torch.Generator().manual_seed(0)) + 1
    rows = [torch.cat([r[:1], r[1:].repeat(2)]) for r in order[:28].reshape(4, 7)]
    tokens, mask = padded(rows, "both")
    found = head_scores(model, names, tokens, period=6, attention_mask=mask)
    alone = [head_scores(model, names, row[None], period=6) for row in rows]
    for name in names:
        expected = np.mean([one[name].values for one in alone], axis=0)
        assert found[name].values == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", MODELS)
def test_patterns_and_predictions_are_those_without_padding(kind, side) -> None:
    model, row = MODELS[kind](), ids(7)
    longer = ids(11)
    tokens, mask = (one[:1] for one in padded([row, longer], side))
    torch.testing.assert_close(
        attention_patterns(model, tokens, attention_mask=mask),
        attention_patterns(model, row),
        atol=1e-5,
        rtol=0,
    )
    for position in (-1, 2):
        found = top_predictions(model, tokens[0], position=position, attention_mask=mask[0])
        expected = top_predictions(model, row, position=position)
        assert found.ids.tolist() == expected.ids.tolist()
        torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_losses_of_a_passage_are_those_without_padding(side) -> None:
    model, row = bridge(), ids(7)
    series = CheckpointSeries.from_state_dicts(model, variants(model, 2))
    tokens, mask = (one[:1] for one in padded([row, ids(11)], side))
    found = passage_losses(series, tokens, attention_mask=mask, progress=False)
    expected = passage_losses(series, row, progress=False)
    assert found["loss"].values == pytest.approx(expected["loss"].values, abs=1e-5)
    assert found["token"].values.tolist() == expected["token"].values.tolist()


@pytest.mark.parametrize("side", ["left", "right", "both"])
def test_measures_count_positions_in_each_row(side) -> None:
    model = bridge()
    series = CheckpointSeries.from_state_dicts(model, variants(model, 2))
    rows = [ids(n, seed=n) for n in (12, 9, 12, 10)]
    tokens, mask = padded(rows, side)
    found = measures(series, tokens, attention_mask=mask, positions=(2, 6), progress=False)
    assert found.sizes["position"] == 11
    for checkpoint in range(2):
        alone = [token_losses(series.load(checkpoint), row[None])[0] for row in rows]
        at = found.isel(checkpoint=checkpoint)
        assert float(at["loss"]) == pytest.approx(float(torch.cat(alone).mean()), abs=1e-5)
        change = np.mean([float(one[6] - one[2]) for one in alone])
        assert float(at["in_context_learning"]) == pytest.approx(change, abs=1e-5)
        for position in range(11):
            here = [float(one[position]) for one in alone if len(one) > position]
            assert float(at["loss_by_position"][position]) == pytest.approx(np.mean(here), abs=1e-5)
        chosen = found["chosen_position"].values
        assert at["token_loss"].values == pytest.approx(
            [float(one[i]) for one, i in zip(alone, chosen, strict=True)], abs=1e-5
        )


def test_measures_of_full_rows_are_the_same_with_a_mask() -> None:
    model, tokens = bridge(), ids(4, 12)
    series = CheckpointSeries.from_state_dicts(model, variants(model, 2))
    plain = measures(series, tokens, positions=(2, 6), progress=False)
    masked = measures(
        series, tokens, attention_mask=np.ones((4, 12)), positions=(2, 6), progress=False
    )
    assert plain.identical(masked)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["zero", "mean"])
def test_ablations_of_padded_rows_are_those_of_the_rows(kind, side) -> None:
    torch.manual_seed(0)
    model = sharp(HUGGING_FACE["llama"])
    rows = [ids(n, seed=n) for n in (70, 66, 70, 20)]  # late is position 62
    tokens, mask = padded(rows, side)
    found = ablate(model, [(0, 1)], tokens, attention_mask=mask, kind=kind, controls=2)
    each = ablate_each(model, tokens, attention_mask=mask, kind=kind)
    ablator = Ablator(as_model(model), kind=kind, text=TextProbe.of(as_model(model), tokens, mask))
    means = ablator._means(as_model(model), [[(0, 1)]], ablator.text)
    changes, clean, late = [], [], []
    for row in rows:
        alone = Ablator(as_model(model), TextProbe.of(as_model(model), row[None]), kind=kind)
        alone._means = lambda *_: means  # over all of the text, not of this row
        before, after = alone.losses(as_model(model), [[(0, 1)]], alone.text)
        clean.append(float(before.mean()))
        changes.append(float((after[0] - before).mean()))
        if len(row) > 63:
            change = after[0, 0] - before[0]
            late.append(float(change[62] - change[6]))
    assert abs(found.loss_change) > 1e-3
    assert found.loss == pytest.approx(np.mean(clean), abs=1e-5)
    assert found.loss_change == pytest.approx(np.mean(changes), abs=1e-5)
    assert found.loss_error == pytest.approx(np.std(changes, ddof=1) / 2, abs=1e-5)
    assert found.in_context_learning_change == pytest.approx(np.mean(late), abs=1e-5)
    assert found.in_context_learning_error == pytest.approx(np.std(late, ddof=1) / 3**0.5, abs=1e-5)
    assert np.isfinite([found.control_loss, found.control_in_context_learning]).all()
    assert float(each.loss[0, 1]) == pytest.approx(found.loss_change, abs=1e-5)
    assert float(each.in_context_learning[0, 1]) == pytest.approx(
        found.in_context_learning_change, abs=1e-5
    )


def test_ablations_through_training_take_the_mask() -> None:
    model = bridge()
    series = CheckpointSeries.from_state_dicts(model, variants(model, 2))
    tokens, mask = padded([ids(9), ids(5)], "left")
    found = ablations(
        series, [(0, 1)], tokens, attention_mask=mask, controls=0, progress=False
    ).loss_change.values
    for index in range(2):
        one = ablate(series.load(index), [(0, 1)], tokens, attention_mask=mask, controls=0)
        assert found[index] == pytest.approx(one.loss_change, abs=1e-6)


def test_the_mean_of_a_head_is_that_of_tokens_alone() -> None:
    model = as_model(sharp(HUGGING_FACE["llama"]))
    rows = [ids(n, seed=n) for n in (9, 5)]
    tokens, mask = padded(rows, "left")
    ablator = Ablator(model, TextProbe.of(model, tokens, mask), kind="mean")
    z = [Intervener(model, row[None]).clean.z[1][0, 2] for row in rows]
    found = ablator._means(model, [[(1, 2)]], ablator.text)[1, 2]
    torch.testing.assert_close(found, torch.cat(z).double().mean(0), atol=1e-6, rtol=0)


def test_resampling_needs_rows_of_one_length() -> None:
    tokens, mask = padded([ids(9), ids(5)], "right")
    with pytest.raises(ProbeError, match="5 to 9 tokens without their padding, and resampling"):
        ablate(bridge(), [(0, 0)], tokens, attention_mask=mask, kind="resample")
    alike, mask = padded([ids(9), ids(9)], "both")
    assert ablate(bridge(), [(0, 0)], alike, attention_mask=mask, kind="resample").loss > 0


# --- padding without a mask -----------------------------------------------------------------------


def knows(tokenizer: Any, pad: str, **special: str) -> Any:
    """A tokenizer that pads with this token."""
    found = copy.deepcopy(tokenizer)
    found.add_special_tokens({"pad_token": pad, **special})
    return found


def with_config(**named: Any) -> Any:
    model = HUGGING_FACE["gpt2"]()
    for name, value in named.items():
        setattr(model.config, name, value)
    return model


def given(tokenizer: Any) -> dict[str, Any]:
    """Models that pad with token 0, each knowing it from another place."""
    return {
        "pad = bos": as_model(bridge(), knows(tokenizer, "<|bos|>")),
        "pad = eos": as_model(bridge(), knows(tokenizer, "<|bos|>", eos_token="<|bos|>")),
        "pad = eos in the config": with_config(pad_token_id=0),
        "pad in the config only": with_config(pad_token_id=0, bos_token_id=1, eos_token_id=[2, 3]),
        "a bridge over one": wrapped(with_config(pad_token_id=0)),
    }


KNOWN = [
    "pad = bos",
    "pad = eos",
    "pad = eos in the config",
    "pad in the config only",
    "a bridge over one",
]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", KNOWN)
def test_padding_without_a_mask_is_refused(kind, side, tokenizer) -> None:
    model = given(tokenizer)[kind]
    tokens, mask = padded([ids(9), ids(6)], side)
    where = "position 6 to 8" if side == "right" else "position 0 to 2"
    said = rf"Row 1 has padding \(token 0\) from {where}\. .*Give attention_mask="
    with pytest.raises(ProbeError, match=said):
        token_losses(model, tokens)
    with pytest.raises(ProbeError, match=said):
        head_scores(model, "induction", tokens, period=3)
    for one in (attention_patterns, top_predictions):
        with pytest.raises(ProbeError, match=said.replace("Row 1", "Row 0")):
            one(model, tokens[1])
    for one in (ablate_each, lambda m, rows: ablate(m, [(0, 0)], rows)):
        with pytest.raises(ProbeError, match=said):
            one(model, tokens)
    series = CheckpointSeries.single(as_model(model))
    with pytest.raises(ProbeError, match=said):
        measures(series, tokens, progress=False)
    with pytest.raises(ProbeError, match=said.replace("Row 1", "Row 0")):
        passage_losses(series, tokens[1], progress=False)
    assert token_losses(model, tokens, attention_mask=mask).isfinite().sum() == 8 + 5


def test_no_mask_is_asked_for_where_none_is_taken(tokenizer) -> None:
    model = given(tokenizer)["pad = bos"]
    tokens, _ = padded([ids(9), ids(6)], "right")
    with pytest.raises(ProbeError, match=r"Row 1 has padding .* Give rows of one length") as caught:
        TextProbe.of(model, tokens)  # as the explorer reads texts=
    assert "attention_mask" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pad = bos", "pad = eos", "pad = eos in the config"])
def test_bos_and_eos_stand_once_for_themselves(kind, tokenizer) -> None:
    model = given(tokenizer)[kind]
    tokens = ids(2, 9)
    tokens[:, 0] = tokens[:, -1] = tokens[:, 4] = tokens[:, 5] = 0
    assert token_losses(model, tokens).isfinite().all()


def test_what_stands_there_may_be_said_to_be_no_padding() -> None:
    """All ones: a run of BOS that is looked at for its own sake."""
    model, tokens = with_config(pad_token_id=0), ids(2, 9)
    tokens[:, -3:] = tokens[:, :2] = 0
    ones = torch.ones_like(tokens)
    found = token_losses(model, tokens, attention_mask=ones)
    model.config.pad_token_id = None
    torch.testing.assert_close(found, token_losses(model, tokens))
    model.config.pad_token_id = 0
    assert attention_patterns(model, tokens[0], attention_mask=ones[0]).shape[-1] == 9


def test_what_is_hidden_may_be_any_number() -> None:
    """Labels are often padded with -100, and a rectangle may be longer than the context."""
    rows = [ids(9), ids(6)]
    tokens, mask = padded(rows, "right", fill=-100)
    tokens = torch.nn.functional.pad(tokens, (0, 200), value=10**6)
    mask = torch.nn.functional.pad(mask, (0, 200))
    found = token_losses(bridge(), tokens, attention_mask=mask)
    torch.testing.assert_close(found[1, :5], token_losses(bridge(), rows[1][None])[0])


def test_probes_never_hold_padding() -> None:
    model = as_model(with_config(pad_token_id=7))
    scores = head_scores(model, "induction", seed=3)  # every token but 0 and 7 may be drawn
    assert 7 not in ordinary_tokens(model)
    assert scores["induction"].notnull().all()


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ([[1, 1, 1, 1]], r"shape \(1, 4\), the tokens \(2, 4\)"),
        ([[1, 1, 1, 1], [1, 0, 1, 1]], "gap in row 1, between positions 0 and 3"),
        ([[1, 1, 1, 1], [0, 0, 0, 0]], "leaves nothing of row 1"),
        ([[1, 1, 1, 1], [1, 2, 1, 1]], r"holds 2\. Give 1"),
        ([[0.0, 0, -torch.inf, 0], [0, 0, 0, 0]], "holds -inf"),
        ([[1, 1, 1, 1], [0, 0, 0, 1]], "Row 1 is one token"),
    ],
)
def test_masks_that_cannot_be_used(mask, said) -> None:
    with pytest.raises(ProbeError, match=said):
        token_losses(bridge(), ids(2, 4), attention_mask=torch.tensor(mask))


def test_a_mask_without_token_ids_is_refused(tokenizer) -> None:
    model, mask = as_model(bridge(), tokenizer), torch.ones(1, 5)
    with pytest.raises(PromptError, match="attention_mask= was given with a text"):
        attention_patterns(model, "the cat sat", attention_mask=mask)
    with pytest.raises(ProbeError, match="attention_mask= was given without token ids"):
        measures(CheckpointSeries.single(model), ["the cat"], attention_mask=mask, progress=False)
    with pytest.raises(IndexError, match="attention_mask= was given without tokens="):
        head_scores(model, "induction", attention_mask=mask)


def test_rows_of_several_lengths_have_no_one_score() -> None:
    rows = [ids(6).repeat(2), ids(6).repeat(3)]
    tokens, mask = padded(rows, "right")
    with pytest.raises(ProbeError, match=r"12 to 18 tokens\. .* one length at a time"):
        head_scores(bridge(), "induction", tokens, period=6, attention_mask=mask)


def test_in_context_learning_of_losses_with_padding_is_refused() -> None:
    losses = torch.zeros(3, 127)
    losses[1, 50:] = torch.nan
    with pytest.raises(ProbeError, match="Row 1 has no loss at position 6 or 62"):
        in_context_learning(losses, 128)
