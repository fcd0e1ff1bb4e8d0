"""Scores on text, and detect_head as TransformerLens itself computes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from induction_kernels import SCORES, attention_patterns, head_scores, load_demo, sweep
from induction_kernels.attention import readout
from induction_kernels.errors import ProbeError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.inputs.texts import TextProbe
from induction_kernels.scores.of_attention import AttentionReader
from induction_kernels.scores.registry import UNASKED
from small_models import bridge
from transformer_lens import head_detector

KINDS = ("induction", "previous_token", "duplicate_token")


@pytest.fixture(scope="module")
def model():
    return load_demo("attn-only-2l").model(-1)


@pytest.mark.parametrize("measure", ["mul", "abs"])
@pytest.mark.parametrize("kind", KINDS)
def test_detect_head_is_transformer_lens_own(model, kind, measure) -> None:
    probe = RepeatedTokens.make(model)
    name = f"{kind}_detect_{measure}"
    found = head_scores(model, name)[name].values
    expected = np.zeros((2, 8))
    for row in probe.tokens:
        pattern_of = getattr(head_detector, f"get_{kind}_head_detection_pattern")
        detection = pattern_of(row[None])
        for index, pattern in enumerate(attention_patterns(model, row)):
            expected[divmod(index, 8)] += head_detector.compute_head_attention_similarity_score(
                pattern,
                detection,
                exclude_bos=False,
                exclude_current_token=False,
                error_measure=measure,
            ) / len(probe.tokens)
    # TransformerLens rounds "abs" to three digits.
    assert found == pytest.approx(expected, abs=1e-5 if measure == "mul" else 6e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_head_gets_to_the_ceiling(model, kind) -> None:
    probe = RepeatedTokens.make(model)
    n = probe.tokens.shape[1]
    cells = SCORES[kind].cells(probe)
    pattern = torch.eye(n)
    pattern[cells.queries] = 0
    pattern[cells.queries, cells.keys] = 1
    for measure in ("mul", "abs"):
        score = SCORES[f"{kind}_detect_{measure}"]
        best = score.of_cells(score.cells(probe)(pattern[None, None]), probe)
        assert float(best) == pytest.approx(score.range_on(probe)[1])
    if kind == "induction":
        assert score.range_on(probe)[1] == pytest.approx(50 / 101)


def test_the_chance_of_text_scores_is_what_even_attention_gets(model) -> None:
    text = TextProbe.default(model, rows=3, longest=40)
    n = text.tokens.shape[1]
    even = (torch.ones(n, n).tril() / torch.arange(1, n + 1)[:, None]).expand(3, 1, n, n)
    for name in ("natural_induction", "entropy"):
        score = SCORES[name]
        assert score.chance(text) == pytest.approx(float(score.cells(text)(even)), abs=1e-6)


def test_natural_induction_is_for_induction_heads(model) -> None:
    """The heads that continue random tokens also look at what came next in real text."""
    found = head_scores(model, ["induction", "natural_induction"])
    values = found["natural_induction"].values.flatten()
    chance = found["natural_induction"].attrs["chance"]
    best = int(found["induction"].values.argmax())
    assert values[best] > 3 * chance
    assert set(np.argsort(values)[-3:]) == set(np.argsort(found["induction"].values.flatten())[-3:])


def test_models_without_tokenizer_have_no_text() -> None:
    model = bridge()
    on_text = {"natural_induction", "entropy", "qk_trace"}
    found = head_scores(model)
    assert set(found.data_vars) == set(UNASKED) - on_text
    assert {line.split(":")[0] for line in found.attrs["left_out"]} == on_text
    assert all("native has no tokenizer" in line for line in found.attrs["left_out"])
    with pytest.raises(ProbeError, match="no tokenizer"):
        head_scores(model, "entropy")


def test_a_sweep_reads_the_same_text_at_every_checkpoint() -> None:
    series = load_demo("attn-only-2l").select([0, -1])
    found = sweep(series, ["entropy", "natural_induction"], progress=False)
    for index in (0, 1):
        here = head_scores(series.load(index), ["entropy", "natural_induction"])
        for name in here:
            assert found[name].values[index] == pytest.approx(here[name].values, abs=1e-6)
    assert found["entropy"].attrs["text_hash"]


def test_entropy_against_whole_patterns(model) -> None:
    text = AttentionReader(model, [SCORES["entropy"]], None, 0).probe_of(SCORES["entropy"])
    expected = torch.stack(
        [readout.entropy(text.tokens.shape[1])(attention_patterns(model, row)[None])
         for row in text.tokens]
    ).mean(0)  # fmt: skip
    found = torch.tensor(head_scores(model, "entropy")["entropy"].values)
    torch.testing.assert_close(found.flatten(), expected, atol=1e-5, rtol=0)
