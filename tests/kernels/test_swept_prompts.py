"""Prompts of which a sweep keeps what each checkpoint does with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray
from induction_kernels import CheckpointSeries, Recorder, sweep
from induction_kernels.attention.door import as_model
from induction_kernels.errors import InductionError, PromptError, SelectionError, StoreError
from induction_kernels.sweeps.prompts import SweptPrompt
from induction_kernels.sweeps.reading_prompts import PromptReader
from induction_kernels.sweeps.stored import Stored
from small_models import HUGGING_FACE, bridge, variants

TEXT, ANSWER = "the cat sat on the cat", " sat"
PROMPT = SweptPrompt(TEXT, ANSWER)


def opened(place: Path) -> xarray.Dataset:
    """As anybody opens it who does not know this project."""
    return xarray.open_zarr(place, consolidated=False).sortby("step").load()


def square(kept: xarray.Dataset, prompt: SweptPrompt) -> np.ndarray:
    """[checkpoint, layer, head, query, key] of its attention."""
    cells = kept[prompt.named("attention")].to_numpy()
    n = kept.sizes[f"query_{prompt.key}"]
    whole = np.zeros((*cells.shape[:-1], n, n), np.float32)
    whole[..., *np.tril_indices(n)] = cells
    return whole


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "x.zarr"


@pytest.fixture
def series(tokenizer) -> CheckpointSeries:
    model = HUGGING_FACE["gpt2"]()
    weights = [model.state_dict(), {k: v + 0.2 * v.sin() for k, v in model.state_dict().items()}]
    return CheckpointSeries.from_state_dicts(
        model, [dict(one) for one in weights], steps=[0, 10], tokenizer=tokenizer, name="run"
    )


def test_what_is_kept_is_what_a_plain_forward_pass_gives(series, place) -> None:
    sweep(series, "induction", prompts=[(TEXT, ANSWER)], store=place, progress=False)
    kept = opened(place)
    attention = square(kept, PROMPT)
    ids = torch.from_numpy(kept[f"id_{PROMPT.key}"].to_numpy())[None]
    words = kept["vocabulary"].to_numpy()
    plain = HUGGING_FACE["gpt2"]()
    plain.config._attn_implementation = "eager"
    for at in range(2):
        plain.load_state_dict(series.load(at).state_dict())
        with torch.no_grad():
            found = plain.eval()(ids, output_attentions=True)
        eager = torch.cat(found.attentions).numpy()
        np.testing.assert_allclose(attention[at], eager, atol=1e-6)
        logits = found.logits[0].double()
        targets = torch.cat([ids[0, 1:], torch.tensor([int(np.flatnonzero(words == ANSWER)[0])])])
        log_p = logits.log_softmax(-1)
        losses = -log_p.gather(1, targets[:, None])[:, 0]
        one = {part: kept[PROMPT.named(part)][at].to_numpy() for part in (
            "prediction_ids", "prediction_logits", "prediction_probabilities", "answer_rank",
            "answer_probability", "prompt_loss",
        )}  # fmt: skip
        np.testing.assert_allclose(one["prompt_loss"], losses, atol=1e-4)
        np.testing.assert_allclose(one["answer_probability"], (-losses).exp(), atol=1e-5)
        of_target = logits.gather(1, targets[:, None])
        assert one["answer_rank"].tolist() == (logits > of_target).sum(-1).tolist()
        np.testing.assert_allclose(one["prediction_logits"], logits.topk(10).values, atol=1e-4)
        np.testing.assert_allclose(
            logits.gather(1, torch.from_numpy(one["prediction_ids"]).long()),
            one["prediction_logits"], atol=1e-4,
        )  # fmt: skip
        np.testing.assert_allclose(
            one["prediction_probabilities"], log_p.topk(10).values.exp(), atol=1e-5
        )


def test_without_an_answer_the_last_position_has_none(series, place) -> None:
    sweep(series, "induction", prompts=TEXT, store=place, progress=False)
    kept, prompt = opened(place), SweptPrompt(TEXT)
    assert kept[prompt.named("answer_rank")][:, -1].values.tolist() == [-1, -1]
    assert kept[prompt.named("answer_probability")][:, -1].values.tolist() == [0, 0]
    assert np.isnan(kept[prompt.named("prompt_loss")][:, -1]).all()


def test_the_store_says_what_it_keeps(series, place) -> None:
    found = sweep(series, "induction", prompts=[TEXT, PROMPT.text], store=place, progress=False)
    assert list(found.data_vars) == ["induction"]
    assert "vocabulary" not in found.coords
    (prompt,) = Stored(place).prompts
    assert (prompt.text, prompt.answer, "".join(prompt.tokens[1:])) == (TEXT, "", TEXT)
    ids = list(prompt.ids)
    assert Stored(place).token_strings(ids) == list(prompt.tokens)
    attrs = opened(place)[prompt.named("prompt_loss")].attrs
    assert (attrs["units"], attrs["text"], attrs["ids"]) == ("nat", TEXT, ids)


def test_prompts_and_checkpoints_that_come_later_are_added(series, place, monkeypatch) -> None:
    ran: list[str] = []
    original = PromptReader.__call__

    def noting(self, model):
        ran.append(self.prompt.text)
        return original(self, model)

    monkeypatch.setattr(PromptReader, "__call__", noting)
    sweep(series.select([1]), "induction", prompts=TEXT, store=place, progress=False)
    sweep(series, "induction", prompts=[TEXT, "the mat"], store=place, progress=False)
    assert sorted(ran) == sorted([TEXT, TEXT, "the mat", "the mat"])
    sweep(series, "induction", prompts=["the mat", TEXT], store=place, progress=False)
    assert len(ran) == 4
    assert [one.text for one in Stored(place).prompts] == [TEXT, "the mat"]
    assert np.isfinite(square(opened(place), SweptPrompt("the mat"))).all()


def test_another_tokenizer_is_refused(series, place, tokenizer) -> None:
    sweep(series, "induction", prompts=[TEXT], store=place, progress=False)
    weights = series.load(0).state_dict()
    other = CheckpointSeries.from_state_dicts(
        HUGGING_FACE["gpt2"](), [weights], steps=[0], name="run"
    )
    with pytest.raises(StoreError, match="holds another sweep"):
        sweep(other, "induction", prompts=["5 17 5"], store=place, progress=False)


def test_a_checkpoint_that_cannot_be_read_is_a_gap(tokenizer, place) -> None:
    model = bridge()
    good, bad = variants(model, 2)
    bad = {name: value * torch.nan for name, value in bad.items()}
    series = CheckpointSeries.from_state_dicts(
        model, [good, bad], steps=[0, 1], tokenizer=tokenizer, name="run"
    )
    with pytest.warns(UserWarning, match="holds NaN"):
        sweep(series, "induction", prompts=TEXT, store=place, progress=False)
    prompt = SweptPrompt(TEXT)
    first, second = Stored(place).of_prompt(prompt, ["attention"], series.labels)
    assert first is not None
    assert second is None
    assert np.isnan(opened(place)[prompt.named("attention")][1]).all()


def test_attention_that_is_no_number_is_not_kept(tokenizer) -> None:
    model = as_model(bridge(), tokenizer)
    reader = PromptReader(model, PROMPT)
    with torch.no_grad():
        for name, value in model.module.named_parameters():
            if name.startswith("layers.1.") and "q" in name.split("."):
                value.fill_(torch.inf)
    with pytest.raises(InductionError, match=r"attention of L1H0 .* is not a number"):
        reader(model)


def test_a_training_run_keeps_prompts_as_a_sweep_of_its_weights_does(tmp_path, tokenizer) -> None:
    model = bridge()
    recorder = Recorder(
        tmp_path / "run", model, store=tmp_path / "live.zarr", scores="induction",
        tokenizer=tokenizer, prompts=[(TEXT, ANSWER)],
    )  # fmt: skip
    for step, weights in enumerate(variants(model, 2)):
        model.load_state_dict(weights)
        recorder(step)
    series = CheckpointSeries.from_folder(tmp_path / "run", bridge(), tokenizer=tokenizer)
    sweep(series, "induction", prompts=[(TEXT, ANSWER)], store=tmp_path / "x.zarr", progress=False)
    live, swept = (opened(tmp_path / name) for name in ("live.zarr", "x.zarr"))
    for name in PROMPT.names:
        np.testing.assert_array_equal(live[name], swept[name])


@pytest.mark.unchecked
@pytest.mark.parametrize("wrong", [[""], [3], [("a", "b", "c")], [("", " b")]])
def test_what_is_no_prompt_is_refused(series, place, wrong) -> None:
    with pytest.raises(SelectionError, match=r"is no prompt.*prompts=\["):
        sweep(series, "induction", prompts=wrong, store=place, progress=False)
    assert not place.exists()


def test_prompts_need_a_store(series) -> None:
    with pytest.raises(SelectionError, match=r"prompts= was given without store="):
        sweep(series, "induction", prompts=TEXT, progress=False)


def test_a_prompt_that_does_not_fit_is_refused_before_anything_is_kept(series, place) -> None:
    with pytest.raises(PromptError, match="takes at most 128"):
        sweep(series, "induction", prompts="the cat " * 200, store=place, progress=False)
    assert not place.exists()
