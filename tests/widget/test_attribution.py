"""What adds to a logit, as a page asks for it."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import CheckpointSeries, InductionExplorer
from induction_kernels import (
    direct_logit_attribution,
    head_tokens,
    load_demo,
    top_predictions,
)
from small_models import HUGGING_FACE, bridge
from wire_page import Page

PROMPT, ANSWER = "the cat sat on the cat", " sat"
SCALARS = ("embedding", "position", "bias", "logit", "mean_logit")


@pytest.fixture(scope="module")
def explorer() -> InductionExplorer:
    series = load_demo("attn-only-2l").select([0, -1])
    return InductionExplorer(series, prompt=PROMPT, answer=ANSWER)


def asked(explorer: InductionExplorer, query: int, token: int | None = None, at: int = 1):
    ((part, arrays),) = Page(explorer).ask(
        "attribution", checkpoints=[at], query=query, token=token
    )
    return part["tokens"], {name: values[0] for name, values in arrays.items()}


@pytest.mark.parametrize("token", [None, 7])
def test_it_is_what_the_kernels_say_at_that_position(explorer, token) -> None:
    ids = explorer._prompts[0]["ids"]
    _, found = asked(explorer, 2, token)
    expected = direct_logit_attribution(load_demo("attn-only-2l").load(-1), ids, token)
    for name in ("heads", "out_bias", "mlps", *SCALARS):
        assert found[name] == pytest.approx(expected[name].values[..., 2], abs=1e-5), name
    assert int(found["target"]) == (ids[3] if token is None else token)
    assert np.isnan(found["cap"])


def test_all_parts_sum_to_the_logit(explorer) -> None:
    last = len(explorer._prompts[0]["ids"]) - 1
    tokens, found = asked(explorer, last)
    parts = ("heads", "out_bias", "mlps", "embedding", "position", "bias")
    assert sum(float(found[name].sum()) for name in parts) == pytest.approx(
        float(found["logit"]), abs=1e-4
    )
    predicted = top_predictions(load_demo("attn-only-2l").load(-1), PROMPT, answer=ANSWER)
    assert predicted.answer_logit == pytest.approx(
        float(found["logit"] + found["mean_logit"]), abs=1e-4
    )
    assert tokens == {str(int(found["target"])): predicted.answer}


def test_after_the_last_token_without_an_answer_the_likeliest_is_meant() -> None:
    explorer = InductionExplorer(load_demo("attn-only-2l").select([0, -1]), prompt=PROMPT)
    explorer.answer = ""
    last = len(explorer._prompts[0]["ids"]) - 1
    likeliest = top_predictions(load_demo("attn-only-2l").load(-1), PROMPT)
    tokens, found = asked(explorer, last)
    assert int(found["target"]) == int(likeliest.ids[0])
    assert list(tokens.values()) == likeliest.tokens[:1]


def test_what_is_not_in_the_prompt_or_the_vocabulary_is_said(explorer) -> None:
    page = Page(explorer)
    ((error, _),) = page.ask("attribution", checkpoints=[1], query=99, token=None)
    assert "no token 99 in the prompt" in error["error"]["message"]
    ((error, _),) = page.ask("attribution", checkpoints=[1], query=1, token=10**6)
    assert "no token 1000000" in error["error"]["message"].replace(",", "")
    ((error, _),) = page.ask("attribution", checkpoints=[1], query=1, token="x")
    assert "a whole number from 0 or null" in error["error"]["hint"]


def test_a_model_whose_heads_cannot_be_told_apart_says_why() -> None:
    explorer = InductionExplorer(HUGGING_FACE["gemma2"](), prompt="5 17 5 17")
    ((error, _),) = Page(explorer).ask("attribution", checkpoints=[0], query=2, token=None)
    assert "what heads write is not added as it is" in error["error"]["message"]


def test_capped_logits_are_said_to_be() -> None:
    model = bridge(attn_only=False, act_fn="gelu", d_mlp=64, output_logits_soft_cap=3.0)
    explorer = InductionExplorer(CheckpointSeries.from_state_dicts(
        model, [model.state_dict()]
    ), prompt="5 17 5 17")  # fmt: skip
    _, found = asked(explorer, 2, at=0)
    assert float(found["cap"]) == 3


def test_what_a_head_writes_is_what_the_kernels_say(explorer) -> None:
    ids = explorer._prompts[0]["ids"]
    query = len(ids) - 1
    ((part, arrays),) = Page(explorer).ask("head_tokens", checkpoints=[1], head=[1, 6], query=query)
    expected = head_tokens(load_demo("attn-only-2l").load(-1), ids, (1, 6), query, keys=5, k=4)
    assert arrays["keys"][0].tolist() == expected.key.values.tolist()
    for name, theirs in (
        ("attention", "attention"), ("scores", "score"), ("raised_by", "raised_by"),
        ("lowered_by", "lowered_by"),
    ):  # fmt: skip
        assert arrays[name][0] == pytest.approx(expected[theirs].values, abs=1e-5), name
    for name in ("raised", "lowered"):
        said = [[part["tokens"][str(i)] for i in row] for row in arrays[name][0].tolist()]
        assert said == expected[name].values.tolist()
    ((error, _),) = Page(explorer).ask("head_tokens", checkpoints=[1], head=[1, 6], query=99)
    assert "no token 99 in the prompt" in error["error"]["message"]
    ((error, _),) = Page(explorer).ask("head_tokens", checkpoints=[1], head=[7, 6], query=1)
    assert "no head" in error["error"]["message"]
