"""Several prompts in one explorer: what may be given, which is shown, whose answers are whose."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
import traitlets
from induction_explorer import InductionExplorer, load_demo
from induction_explorer.channel.worker import Urgency
from induction_kernels import attention_patterns, top_predictions
from wire_page import Page

TEXTS = [("the cat sat on the cat", " sat"), ("A B C A B", " C"), ("one two one", "")]
SHOWN = [list(one) for one in TEXTS]


@pytest.fixture
def several(computed) -> InductionExplorer:
    widget = InductionExplorer(computed, prompts=TEXTS)
    widget.wait()
    return widget


def shown(widget: InductionExplorer) -> list[str]:
    return [widget.prompt, widget.answer]


def test_texts_pairs_and_mappings_are_prompts_and_the_first_is_shown(computed) -> None:
    given = ["A B A", ("A B A", " B"), ["C D", ""], {"text": "E F"}, {"text": "E", "answer": " F"}]
    widget = InductionExplorer(computed, prompts=given)
    said = [["A B A", ""], ["A B A", " B"], ["C D", ""], ["E F", ""], ["E", " F"]]
    assert widget.prompts == said
    assert shown(widget) == said[0]
    assert widget.get_state(["prompts"])["prompts"] == said


def test_each_counts_once(computed) -> None:
    assert InductionExplorer(computed, prompts=["A", ("A", ""), "B"]).prompts == [
        ["A", ""],
        ["B", ""],
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("A B A", r"prompts is 'A B A'; it must be a list, each item a text, a pair"),
        ({"text": "A"}, "prompts is {'text': 'A'}; it must be a list"),
        (7, "prompts is 7; it must be a list"),
        (["A", 7], r"prompts\[1\] is 7; it must be a text, a pair \(text, answer\), or"),
        ([("A", " B", "C")], r"prompts\[0\] is \('A', ' B', 'C'\); it must be"),
        ([("A", None)], r"prompts\[0\] is \('A', None\); it must be"),
        ([{"prompt": "A"}], r"prompts\[0\] is {'prompt': 'A'}; it must be"),
        (["A", [5, 17, 5]], r"prompts\[1\] is \[5, 17, 5\]; .* ids as a text: '5 17 42'"),
        (["A", ""], r"prompts\[1\] is '', which cannot be run: The prompt is empty"),
        (["A", "A " * 900], r"prompts\[1\] is 'A A .*\.\.\., which cannot .* tokens long"),
    ],
)
def test_what_is_no_prompt_is_refused_with_its_number(computed, given, says) -> None:
    with pytest.raises(traitlets.TraitError, match=says):
        InductionExplorer(computed, prompts=given)
    widget = InductionExplorer(computed, prompts=["A B", "C D"])
    with pytest.raises(traitlets.TraitError, match=says):
        widget.prompts = given
    assert widget.prompts == [["A B", ""], ["C D", ""]]


@pytest.mark.parametrize("other", [{"prompt": "A"}, {"answer": " B"}])
def test_one_prompt_and_several_are_not_given_together(computed, other) -> None:
    with pytest.raises(TypeError, match=r"was given \w+= and prompts=\. Give one prompt"):
        InductionExplorer(computed, prompts=["A B"], **other)


def test_the_text_of_one_shows_it_with_its_answer(several) -> None:
    several.prompt = TEXTS[1][0]
    assert shown(several) == SHOWN[1]
    assert several.prompts == SHOWN
    several.prompt = TEXTS[2][0]
    assert shown(several) == SHOWN[2]


def test_any_other_text_edits_the_one_that_is_shown(several) -> None:
    Page(several).ask("prompt", text=TEXTS[1][0], answer=TEXTS[1][1])
    Page(several).ask("prompt", text="A B A", answer=" B")
    assert several.prompts == [SHOWN[0], ["A B A", " B"], SHOWN[2]]
    several.answer = " C"
    assert several.prompts == [SHOWN[0], ["A B A", " C"], SHOWN[2]]
    before = several.prompts
    with pytest.raises(traitlets.TraitError, match="empty"):
        several.prompt = ""
    assert (several.prompts, shown(several)) == (before, ["A B A", " C"])


def test_others_may_be_set_later(several) -> None:
    several.prompts = ["A B A", SHOWN[0]]
    assert shown(several) == SHOWN[0]
    several.prompts = [("C D C", " D")]
    assert shown(several) == ["C D C", " D"]
    several.prompts = []
    assert shown(several) == ["C D C", " D"]
    several.prompt = "E F"
    assert (several.prompts, several.prompt) == ([], "E F")


def test_the_view_has_them_and_which_is_shown(several, computed) -> None:
    several.prompt = TEXTS[1][0]
    saved = several.view
    assert saved["prompts"] == SHOWN
    other = InductionExplorer(computed, view=saved)
    assert (other.prompts, shown(other), other.view) == (SHOWN, SHOWN[1], saved)
    several.prompts, several.prompt = [], "A B A"
    several.view = saved
    assert (several.prompts, shown(several)) == (SHOWN, SHOWN[1])


def test_a_series_that_cannot_read_one_of_them_still_shows_and_edits_others() -> None:
    demo = [load_demo("attn-only-2l"), load_demo("attn-only-1l")]
    widget = InductionExplorer(demo, prompts=["A B A", "C D"])
    first, second = widget._sessions
    read = first.read_prompt
    second.read_prompt = lambda text, answer: read(text.removeprefix("C D"), answer)
    widget.series = 1
    widget.prompt = "A B A B"
    assert widget.prompts == [["A B A B", ""], ["C D", ""]]
    widget.close()


def test_each_has_its_own_answers_however_quickly_they_are_flipped(several, computed) -> None:
    """And going back is no new prompt: what a page holds of it stays true."""
    page, model = Page(several), computed.load(3)
    numbers = {}
    for at in (0, 1, 2, 1, 0, 2, 0):
        text, answer = TEXTS[at]
        page.explorer._requests.receive(
            {"id": "p", "kind": "prompt", "text": text, "answer": answer}, page.send
        )
        number = several._prompts[0]["generation"]
        assert numbers.setdefault(at, number) == number
        page.explorer._requests.receive(
            {"id": "q", "kind": "patterns", "series": 0, "generation": number, "checkpoints": [3],
             "head": [0, 1]}, page.send,
        )  # fmt: skip
    assert len(set(numbers.values())) == len(TEXTS)
    for at, (text, answer) in enumerate(TEXTS):
        page.ask("prompt", text=text, answer=answer)
        ((body, found),) = page.ask("patterns", checkpoints=[3], head=[0, 1])
        assert body["generation"] == numbers[at]
        pattern = attention_patterns(model, text, [(0, 1)])[0].numpy()
        lower = pattern[np.tril_indices(len(pattern))]
        assert np.abs(found["patterns"][0] / 255 - lower).max() < 1 / 254
        ((_, found),) = page.ask("predictions", checkpoints=[3])
        expected = top_predictions(model, text, k=10, answer=answer or None)
        assert found["answer_rank"][0, -1] == (-1 if not answer else expected.answer_rank)


def test_an_old_prompts_question_is_refused_and_never_answered_by_another(several) -> None:
    page = Page(several)
    old = several._prompts[0]["generation"]
    several.prompt = TEXTS[1][0]
    ((said, _),) = page.ask("patterns", generation=old, checkpoints=[0], head=[0, 0])
    assert "The prompt has changed" in said["error"]["message"]


def test_those_beside_it_are_run_when_nothing_else_waits(several) -> None:
    """So going to the next, or back, computes nothing."""
    session = several._sessions[0]
    several.prompt = TEXTS[1][0]
    several.wait()
    for at in (0, 2):
        several.wait()
        with patch.object(session, "load", side_effect=AssertionError("a pass")):
            several.prompt = TEXTS[at][0]
            ((_, found),) = Page(several).ask("predictions", checkpoints=[0, 1, 2, 3])
        assert len(found["losses"]) == 4
    assert max(Urgency) is Urgency.NEXT
