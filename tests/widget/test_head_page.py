"""The page of a head, as a page asks for it: what the kernels say, and text that is a prompt."""

from __future__ import annotations

import numpy as np
import pytest
from induction_explorer import InductionExplorer, load_demo
from induction_explorer.analyses.head_page import HeadPage
from induction_kernels import head_pages
from induction_kernels.inputs.texts import TextProbe
from small_models import bridge
from wire_page import Page

HEAD = (1, 6)


@pytest.fixture(scope="module")
def series():
    return load_demo("attn-only-2l").select([0, -1])


@pytest.fixture(scope="module")
def text(series):
    return TextProbe.default(series.model(-1), rows=20, longest=48)


@pytest.fixture(scope="module")
def explorer(series, text):
    made = InductionExplorer(series, texts=text)
    yield made
    made.close()


def asked(explorer, **question):
    *_, (part, arrays) = Page(explorer).ask("head_page", head=HEAD, **question)
    return part, arrays


def test_it_is_what_the_kernels_say(explorer, series, text) -> None:
    part, arrays = asked(explorer, checkpoints=[1])
    found = {name: values[0] for name, values in arrays.items()}
    page = head_pages(series.load(-1), text, [HEAD], strongest=6, samples=2, progress=False)[HEAD]
    shown = page.sequences
    count = len(shown)
    assert found["row"].tolist() == [one.row for one in shown] + [-1] * (14 - count)
    assert found["interval"][:count].tolist() == [one.interval for one in shown]
    assert found["strength"][:count] == pytest.approx([one.strength for one in shown], abs=1e-5)
    for nth, one in enumerate(shown):
        assert found["ids"][nth].tolist() == one.tokens.tolist()
        queries, slots = np.nonzero(found["keys"][nth] >= 0)
        keys = found["keys"][nth][queries, slots]
        assert (queries * 48 + keys).tolist() == one.cells.at.tolist()
        drawn = found["attention"][nth][queries, slots]
        assert drawn == pytest.approx(255 * one.cells.attention, abs=0.51)
    assert int(found["rows"]) == 20
    queries = 20 * 47
    assert found["distances"] == pytest.approx(page.distances / queries, abs=1e-5)
    assert float(found["first"] + found["distances"].sum()) == pytest.approx(1, abs=1e-4)
    at = int(page.looked_at.argmax())
    share = page.looked_at[at] / page.looked_at.sum()
    assert int(found["at_ids"][0]) == page.tokens[at]
    assert float(found["at_share"][0]) == pytest.approx(share, abs=1e-5)
    assert float(found["at_times"][0]) == pytest.approx(
        share / (page.counts[at] / queries), rel=1e-4
    )
    assert part["origin"] == text.origin


def test_a_row_as_text_becomes_its_tokens_as_prompt(explorer) -> None:
    part, arrays = asked(explorer, checkpoints=[1])
    for row, ids in zip(arrays["row"][0].tolist(), arrays["ids"][0].tolist(), strict=True):
        if row < 0:
            continue
        Page(explorer).ask("prompt", text=part["texts"][str(row)], answer="")
        bos, *read = explorer._prompts[0]["ids"]
        assert bos == ids[0]
        # But for words that the row begins or ends within.
        starts = [at for at in range(1, 9) if ids[at : at + len(read)] == read]
        assert starts
        assert len(read) >= len(ids) - 1 - 7
        assert explorer._prompts[0]["tokens"][1:] == [part["tokens"][str(one)] for one in read]


def test_two_checkpoints_have_answers_of_one_shape(explorer) -> None:
    """What is known is sent together."""
    first, last = (asked(explorer, checkpoints=[at])[1] for at in (0, 1))
    _, both = asked(explorer, checkpoints=[0, 1])
    for name, values in both.items():
        assert np.array_equal(values[0], first[name][0], equal_nan=True), name
        assert np.array_equal(values[1], last[name][0], equal_nan=True), name


def test_it_comes_in_steps_of_rows_that_are_said(explorer) -> None:
    session = explorer._sessions[0]
    analysis = HeadPage(HEAD)
    assert analysis.passes(session) >= 1
    said = analysis.counting(session)(analysis.passes(session))
    assert said == "20 of 20 rows"


def test_without_a_tokenizer_there_is_a_sentence_or_ids() -> None:
    model = bridge()
    explorer = InductionExplorer(model)
    ((failed, _),) = Page(explorer).ask("head_page", head=(0, 1), checkpoints=[0])
    assert "no tokenizer" in failed["error"]["message"]
    explorer.close()
    rows = np.arange(1, 61).reshape(5, 12)
    explorer = InductionExplorer(model, texts=rows)
    *_, (part, _) = Page(explorer).ask("head_page", head=(0, 1), checkpoints=[0])
    assert part["texts"]["0"] == " ".join(map(str, rows[0]))
    explorer.close()


def test_a_head_that_is_not_there_is_said(explorer) -> None:
    ((failed, _),) = Page(explorer).ask("head_page", head=(7, 0), checkpoints=[0])
    assert "layer 7" in failed["error"]["message"]
