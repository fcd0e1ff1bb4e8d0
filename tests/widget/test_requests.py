"""Requests answered part by part, in messages that fit: the contract of js/src/kernel/model.ts."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
import torch
from induction_explorer import InductionExplorer
from induction_explorer.channel.wire import CHUNK, MAX_MESSAGE, check_size, reply_messages
from induction_explorer.channel.worker import SHARED
from induction_kernels import ablate, ablate_each, attention_patterns, top_predictions, wiring
from ipywidgets.embed import embed_data
from small_models import bridge
from wire_page import Page


@pytest.fixture
def page(explorer) -> Page:
    return Page(explorer)


def test_patterns_are_the_packed_triangles(page, computed) -> None:
    parts = page.ask("patterns", head=[1, 2], checkpoints=[3, 0])
    assert [part["checkpoints"] for part, _ in parts] == [[3, 0]]
    assert parts[-1][0]["done"]
    assert parts[0][0]["share"] == 1
    assert parts[0][0]["generation"] == page.explorer._prompts[0]["generation"]
    triangles = parts[0][1]["patterns"]
    ids = page.explorer._prompts[0]["ids"]
    rows, columns = np.tril_indices(len(ids))
    for triangle, checkpoint in zip(triangles, (3, 0), strict=True):
        whole = attention_patterns(computed.load(checkpoint), ids, [(1, 2)])[0].numpy()
        assert np.abs(triangle / 255 - whole[rows, columns]).max() <= 0.5 / 255 + 1e-6


def test_predictions_after_every_position(page, computed) -> None:
    page.explorer.answer = " sat"
    parts = page.ask("predictions", checkpoints=[2])
    body, arrays = parts[0]
    ids = page.explorer._prompts[0]["ids"]
    n, k = len(ids), body["k"]
    assert arrays["ids"].shape == (1, n, k)
    model = computed.load(2)
    for position in (0, n - 1):
        expected = top_predictions(model, ids, k=k, position=position)
        assert arrays["ids"][0, position].tolist() == expected.ids.tolist()
        assert arrays["probabilities"][0, position] == pytest.approx(
            expected.probabilities.numpy(), abs=1e-6
        )
        assert body["tokens"][str(int(expected.ids[0]))] == expected.tokens[0]
    last = top_predictions(model, ids, answer=" sat")
    assert arrays["answer_rank"][0, -1] == last.answer_rank
    assert arrays["answer_probability"][0, -1] == pytest.approx(last.answer_probability, abs=1e-6)
    with torch.no_grad():
        logits = model(torch.tensor([ids]))[0]
    rank = int((logits[3] > logits[3, ids[4]]).sum())
    assert arrays["answer_rank"][0, 3] == rank


def test_without_an_answer_the_last_position_has_no_rank(page) -> None:
    _, arrays = page.ask("predictions", checkpoints=[0])[0]
    assert arrays["answer_rank"][0, -1] == -1
    assert (arrays["answer_rank"][0, :-1] >= 0).all()


def test_what_is_not_there_yet_comes_when_it_is(series) -> None:
    explorer = InductionExplorer(series, prompt="the cat sat on the cat")
    parts = Page(explorer).ask("patterns", head=[0, 0], checkpoints=[2, 3, 1, 0])
    assert sorted(i for part, _ in parts for i in part["checkpoints"]) == [0, 1, 2, 3]
    assert [part["done"] for part, _ in parts] == [False] * (len(parts) - 1) + [True]


def test_what_comes_with_the_rest_of_its_prompt_is_not_computed_for_itself(series) -> None:
    with SHARED:  # nothing is computed meanwhile
        explorer = InductionExplorer(series, prompt="the cat sat on the cat")
        pending = explorer._work.pending
        of = {"series": 0, "generation": explorer._prompts[0]["generation"]}
        for head in ([0, 0], [1, 2]):
            request = {"id": str(head), "kind": "patterns", "head": head, "checkpoints": [2, 3, 1]}
            explorer._requests.receive(request | of, lambda *_: None)
            pending += 1  # the first of each, which the reader looks at
            assert explorer._work.pending == pending


def test_patterns_too_large_to_keep_are_computed_when_asked_for(series, monkeypatch) -> None:
    monkeypatch.setattr("induction_explorer.series.budget.PATTERN_BYTES", 1000)
    explorer = InductionExplorer(series, prompt="the cat sat on the mat " * 4)
    explorer.wait()
    assert not explorer._prompts[0]["scrub"]
    page = Page(explorer)
    for checkpoint in (0, 3, 0):
        parts = page.ask("patterns", head=[1, 1], checkpoints=[checkpoint])
        ids = explorer._prompts[0]["ids"]
        whole = attention_patterns(series.load(checkpoint), ids, [(1, 1)])[0].numpy()
        triangle = parts[0][1]["patterns"][0]
        assert np.abs(triangle / 255 - whole[np.tril_indices(len(ids))]).max() < 0.002


def test_a_new_prompt(page) -> None:
    (part, _), *_ = page.ask("prompt", text="the mat", answer=" sat")
    assert part["done"]
    assert page.explorer.prompt == "the mat"
    assert "".join(page.explorer._prompts[0]["tokens"][1:]) == "the mat"
    stale = page.ask("patterns", head=[0, 0], checkpoints=[0], generation=1)
    assert "changed since" in stale[0][0]["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "prompt", "text": "", "answer": ""}, "The prompt is empty"),
        ({"kind": "prompt", "text": "qz" * 100, "answer": ""}, "takes at most 128"),
        ({"kind": "prompt", "text": "qz " * 33_334, "answer": ""}, "takes at most 128"),
        ({"kind": "patterns", "head": [2, 0], "checkpoints": [0]}, "no head 0 in layer 2"),
        ({"kind": "patterns", "head": [0, 0], "checkpoints": [4]}, "no checkpoint 4"),
        ({"kind": "rows", "name": "induction"}, "of kind 'rows' came without 'of'"),
        ({"kind": "dance"}, "no request of kind 'dance'"),
        ({"kind": ["patterns"]}, "no request of kind ['patterns']"),
        ({"kind": "patterns"}, "of kind 'patterns' came without 'checkpoints'"),
        ({"kind": "patterns", "checkpoints": [0]}, "came without 'head'"),
        ({"kind": "patterns", "checkpoints": 0, "head": [0, 0]}, "'checkpoints' of a request"),
        ({"kind": "wiring", "checkpoints": [0], "head": [1, 9]}, "no head 9 in layer 1"),
        ({"kind": "wiring", "checkpoints": [0], "head": "L1H2"}, "is 'L1H2'"),
    ],
)
def test_an_exception_reaches_the_page(page, fields, said) -> None:
    before = page.explorer.prompt
    (reply, _), *_ = page.ask(**fields)
    assert said in reply["error"]["message"]
    assert set(reply["error"]) == {"message", "hint"}
    assert page.explorer.prompt == before


def test_a_head_that_is_not_there_is_said_with_those_that_are(page) -> None:
    (reply, _), *_ = page.ask("patterns", head=[2, 0], checkpoints=[0])
    assert reply["error"]["hint"] == "Layers go from 0 to 1, heads from 0 to 3."


def test_a_checkpoint_that_fails_is_said_after_the_others(tokenizer) -> None:
    from induction_explorer import CheckpointSeries
    from small_models import variants

    model = bridge()
    weights = variants(model)
    weights[0]["embed.weight"][:] = torch.nan
    explorer = InductionExplorer(
        CheckpointSeries.from_state_dicts(model, weights, tokenizer=tokenizer)
    )
    explorer.wait()
    parts = Page(explorer).ask("patterns", head=[0, 0], checkpoints=[0, 1])
    assert parts[0][0]["checkpoints"] == [1]
    assert "holds NaN" in parts[-1][0]["error"]["message"]


def test_what_failed_is_computed_when_it_is_asked_for_again(tokenizer) -> None:
    from induction_explorer import CheckpointSeries
    from small_models import variants

    model = bridge()
    weights = variants(model)
    explorer = InductionExplorer(
        CheckpointSeries.from_state_dicts(model, weights, tokenizer=tokenizer)
    )
    explorer.wait()
    everywhere = list(range(len(weights)))
    broken = [weights[i]["embed.weight"] for i in (0, 1)]
    good = [each.clone() for each in broken]
    for each in broken:
        each[:] = torch.nan
    explorer.prompt = "the dog sat on the dog"
    explorer.wait()
    asked = {"patterns": {"head": [0, 0]}, "predictions": {}, "wiring": {"head": [1, 1]}}
    page = Page(explorer)
    for kind, fields in asked.items():
        parts = page.ask(kind, checkpoints=everywhere, **fields)
        assert sorted(c for body, _ in parts[:-1] for c in body["checkpoints"]) == everywhere[2:]
        assert "NaN" in parts[-1][0]["error"]["message"]
    for each, before in zip(broken, good, strict=True):
        each[:] = before
    for kind, fields in asked.items():
        parts = page.ask(kind, checkpoints=everywhere, **fields)
        assert sorted(c for body, _ in parts for c in body["checkpoints"]) == everywhere
        assert parts[-1][0]["done"]


def test_a_cancelled_request_is_not_answered(series) -> None:
    explorer = InductionExplorer(series)
    page = Page(explorer)
    generation = explorer._prompts[0]["generation"]
    request = {"id": "a", "series": 0, "generation": generation, "checkpoints": [0, 1, 2, 3]}
    explorer._requests.receive(request | {"kind": "patterns", "head": [0, 0]}, page.send)
    explorer._requests.receive({"id": "a", "kind": "cancel"}, page.send)
    page.sent.clear()
    explorer.wait()
    assert page.sent == []


def test_a_request_that_comes_twice_is_answered_once(series) -> None:
    explorer = InductionExplorer(series)
    page = Page(explorer)
    generation = explorer._prompts[0]["generation"]
    request = {"id": "a", "kind": "patterns", "head": [0, 0], "series": 0}
    request |= {"generation": generation, "checkpoints": [0, 1, 2, 3]}
    with SHARED:  # nothing is finished meanwhile
        explorer._requests.receive(request, page.send)
        explorer._requests.receive(request, page.send)
    explorer.wait()
    told = [
        i for content, _ in page.sent if "body" in content for i in content["body"]["checkpoints"]
    ]
    assert sorted(told) == [0, 1, 2, 3]
    assert [content["done"] for content, _ in page.sent].count(True) == 1


def test_a_cancel_that_comes_too_early_too_late_or_twice_stops_nothing_else(series) -> None:
    explorer = InductionExplorer(series)
    page = Page(explorer)
    generation = explorer._prompts[0]["generation"]
    request = {"id": "a", "kind": "patterns", "head": [0, 0], "series": 0}
    request |= {"generation": generation, "checkpoints": [0]}
    cancel = {"id": "b", "kind": "cancel"}
    with SHARED:
        explorer._requests.receive(cancel, page.send)  # before what it is for
        explorer._requests.receive(request, page.send)
        explorer._requests.receive(request | {"id": "b"}, page.send)
        explorer._requests.receive(cancel, page.send)
        explorer._requests.receive(cancel, page.send)
    explorer.wait()
    explorer._requests.receive({"id": "a", "kind": "cancel"}, page.send)  # of what was answered
    assert {content["id"] for content, _ in page.sent} == {"a"}


def test_a_sign_of_life_says_what_will_still_be_answered(series) -> None:
    explorer = InductionExplorer(series)
    page = Page(explorer)
    generation = explorer._prompts[0]["generation"]
    request = {"series": 0, "generation": generation, "checkpoints": [0, 1, 2, 3]}
    patterns = request | {"kind": "patterns", "head": [0, 0]}

    def waiting() -> list[str]:
        explorer._requests.receive({"id": "ping", "kind": "ping"}, page.send)
        content, buffers = page.sent[-1]
        assert content["done"]
        assert not buffers
        return content["body"]["waiting"]

    with SHARED:  # nothing is finished meanwhile
        explorer._requests.receive(patterns | {"id": "a"}, page.send)
        explorer._requests.receive(patterns | {"id": "b"}, page.send)
        assert waiting() == ["a", "b"]
        explorer._requests.receive({"id": "a", "kind": "cancel"}, page.send)
        assert waiting() == ["b"]
    explorer.wait()
    assert waiting() == []


def test_large_arrays_are_cut_and_keep_their_bytes() -> None:
    array = np.arange(1_000_000, dtype=np.float32)
    messages = list(reply_messages("r", {"a": 1}, {"x": array, "y": array[:3]}, done=True))
    assert len(messages) == -(-(array.nbytes + 12) // CHUNK)
    for content, buffers in messages:
        check_size(content, buffers)
    assert b"".join(b for _, bs in messages for b in bs) == array.tobytes() + array[:3].tobytes()
    assert [content["done"] for content, _ in messages] == [False] * (len(messages) - 1) + [True]
    with pytest.raises(ValueError, match="at most 1,048,576"):
        check_size({}, [bytes(MAX_MESSAGE)])
    with pytest.raises(TypeError, match="float64 does not cross"):
        list(reply_messages("r", {}, {"x": np.zeros(2)}, done=True))


def test_what_can_be_packed_is_packed_where_that_makes_it_smaller() -> None:
    rng = np.random.default_rng(0)
    regular, noise = np.zeros(5000, np.uint8), rng.integers(0, 256, 5000, np.uint8)
    for array, packs in ((regular, True), (noise, False), (regular[:100], False)):
        (one,) = reply_messages("r", {}, {"x": array}, done=True, may_pack=True)
        content, (data,) = one
        assert content["packed"] is packs
        assert (zlib.decompress(data) if packs else data) == array.tobytes()
        assert len(data) < array.nbytes or not packs
        (one,) = reply_messages("r", {}, {"x": array}, done=True)
        assert one[1] == [array.tobytes()]  # rows of curves, which no trait may overtake


def test_long_patterns_fit_the_wire(tokenizer) -> None:
    explorer = InductionExplorer(bridge(n_ctx=1600, n_layers=1), prompt="5 17 " * 800)
    parts = Page(explorer).ask("patterns", head=[0, 0], checkpoints=[0])
    assert parts[0][1]["patterns"].shape == (1, 1600 * 1601 // 2)


@pytest.mark.slow
def test_ablations_are_the_kernels_own(page, computed) -> None:
    page.explorer.answer = "cat"
    heads = [[0, 1], [1, 2]]  # patterns of a later layer make what is kept fixed matter
    parts = page.ask("ablation", checkpoints=[3, 1], heads=heads, how="mean", frozen=True)
    assert sorted(i for part, _ in parts for i in part["checkpoints"]) == [1, 3]
    found = {
        i: {name: array[k] for name, array in arrays.items()}
        for part, arrays in parts
        for k, i in enumerate(part["checkpoints"])
    }
    explorer = page.explorer
    for checkpoint in (1, 3):
        expected = ablate(
            computed.load(checkpoint), [(0, 1), (1, 2)], kind="mean", frozen=True,
            prompt=explorer.prompt, answer=explorer.answer,
        )  # fmt: skip
        here = found[checkpoint]
        assert here["loss_change"] == pytest.approx(expected.loss_change, abs=1e-5)
        assert here["control_loss"] == pytest.approx(expected.control_loss, abs=1e-5)
        assert here["in_context_learning_error"] == pytest.approx(
            expected.in_context_learning_error, abs=1e-5
        )
        assert expected.answer_before is not None
        assert here["answer_before"] == pytest.approx(expected.answer_before[0], abs=1e-5)
        assert here["rank_before"] == expected.answer_before[1]
        assert here["answer_after"] == pytest.approx(expected.answer_after[0], abs=1e-5)
        assert here["rank_after"] == expected.answer_after[1]
    again = page.ask("ablation", checkpoints=[3], heads=heads, how="mean", frozen=True)
    assert len(again) == 1  # known already


def test_who_attends_to_a_token(page, computed) -> None:
    parts = page.ask("attended", checkpoints=[3, 0], token=2)
    found = {i: a["attention"][k] for p, a in parts for k, i in enumerate(p["checkpoints"])}
    ids = page.explorer._prompts[0]["ids"]
    every = [(layer, head) for layer in range(2) for head in range(4)]
    for checkpoint in (0, 3):
        patterns = attention_patterns(computed.load(checkpoint), ids, every)
        expected = patterns[:, 3:, 2].mean(1).reshape(2, 4).numpy()
        assert found[checkpoint] == pytest.approx(expected, abs=0.5 / 255 + 1e-6)
    ((_, last),) = page.ask("attended", checkpoints=[3], token=len(ids) - 1)
    assert np.isnan(last["attention"]).all()
    ((error, _),) = page.ask("attended", checkpoints=[3], token=999)
    assert "no token 999" in error["error"]["message"]


def test_every_head_ablated_and_what_feeds_one(page, computed) -> None:
    ((_, grid),) = page.ask("ablation_grid", checkpoints=[3], how="zero")
    expected = ablate_each(computed.load(-1))
    assert grid["loss"][0] == pytest.approx(expected.loss.values, abs=1e-5)
    assert grid["in_context_learning"][0] == pytest.approx(
        expected.in_context_learning.values, abs=1e-5
    )
    ((_, wires),) = page.ask("wiring", checkpoints=[3], head=[1, 2])
    feeders = wiring(computed.load(-1), (1, 2))
    for name in ("composition", "previous_token", "effect", "error"):
        assert wires[name][0] == pytest.approx(feeders[name].values, abs=1e-5, nan_ok=True)
    assert wires["induction"][0] == pytest.approx(float(feeders.induction), abs=1e-5)


def test_what_cannot_be_ablated_is_said(page) -> None:
    ((error, _),) = page.ask("ablation", checkpoints=[3], heads=[[7, 2]], how="zero", frozen=False)
    assert "no head 2 in layer 7" in error["error"]["message"]
    ((error, _),) = page.ask("ablation_grid", checkpoints=[3], how="noise")
    assert "'how' of a request of kind 'ablation_grid' is 'noise'" in error["error"]["message"]
    assert "'mean' or 'resample' or 'zero'" in error["error"]["hint"]
    ((error, _),) = page.ask("wiring", checkpoints=[99], head=[1, 2])
    assert "no checkpoint 99" in error["error"]["message"]


def test_the_states_of_all_widgets_fit_one_message_and_each_asks_for_its_own(
    explorer, monkeypatch
) -> None:
    small, whole = explorer.get_state(), explorer.get_state(explorer.keys)
    size = len(json.dumps(small, default=str))
    assert size < 5000
    assert small["_behind"] > 0
    assert explorer.get_state()["_behind"] > small["_behind"]
    sent: dict[str, object] = {}
    monkeypatch.setattr(explorer, "_send", lambda msg, buffers=None: sent.update(msg["state"]))
    explorer._handle_custom_msg({"id": "state", "kind": "state"}, [])
    assert list(sent)[-1] == "_behind"
    assert set(small) | set(sent) == set(whole)
    assert sent["_behind"] == 0


def test_an_embedded_page_has_all_that_it_is_drawn_from(explorer) -> None:
    whole = explorer.get_state(explorer.keys)
    saved = embed_data(views=[explorer])["manager_state"]["state"][explorer.model_id]["state"]
    assert set(saved) == set(whole)
    assert saved["_behind"] == 0
    assert saved["_esm"] == whole["_esm"]


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 2, 512])
def test_attention_is_the_rows_that_were_asked_for_as_the_model_has_them(
    series, block: int, monkeypatch
) -> None:
    """However many rows are computed at a time, by two ways of reading it; scores near 200 leave it
    five digits."""
    monkeypatch.setattr("induction_kernels.attention.patterns._BLOCK_ROWS", block)
    explorer = InductionExplorer(series, prompt="the cat sat on the cat")
    explorer.wait()
    page = Page(explorer)
    ids = explorer._prompts[0]["ids"]
    for first, last in ((0, len(ids) - 1), (3, 3), (1, 4)):
        parts = page.ask("attention", head=[1, 2], first=first, last=last, checkpoints=[3, 0])
        found = {i: a["attention"][k] for p, a in parts for k, i in enumerate(p["checkpoints"])}
        for checkpoint in (3, 0):
            model = series.load(checkpoint)
            _, cache = model.run_with_cache(torch.tensor([ids]))
            own = cache["blocks.1.attn.hook_pattern"][0, 2].numpy()
            read = attention_patterns(model, ids, [(1, 2)])[0].numpy()
            for whole in (own, read):
                rows = [whole[query, : query + 1] for query in range(first, last + 1)]
                assert found[checkpoint].dtype == np.float32
                assert found[checkpoint] == pytest.approx(np.concatenate(rows), abs=5e-5)


def test_attention_of_queries_that_are_not_there_is_refused(page) -> None:
    count = len(page.explorer._prompts[0]["ids"])
    for first, last in ((2, 1), (0, count), (count, count)):
        ((error, _),) = page.ask("attention", head=[0, 0], first=first, last=last, checkpoints=[0])
        assert error["error"]["hint"] == f"It has 0 to {count - 1}."
    ((error, _),) = page.ask("attention", head=[7, 0], first=0, last=0, checkpoints=[0])
    assert "head" in error["error"]["message"]
