"""The state of the view as one trait: saved, restored, refused."""

from __future__ import annotations

import pytest
import traitlets
from induction_explorer import InductionExplorer
from induction_kernels import load_demo


@pytest.fixture
def two() -> InductionExplorer:
    return InductionExplorer([load_demo("attn-only-1l"), load_demo("attn-only-2l")])


def test_one_line_restores_what_was_saved(two) -> None:
    two.series, two.checkpoint, two.compare = 1, 3, 20
    two.heads, two.score, two.answer = [[1, 2], [0, 1]], "previous_token", " C"
    two.set_state(
        {"_view": {"tab": "passage", "window": [1e6, 5e6], "tabs": {"passage": {"tokens": [4, 7]}}}}
    )
    saved = two.view
    two.series, two.heads, two.score = 0, [], "entropy"
    two.set_state({"_view": {}})
    two.view = saved
    assert two.view == saved
    assert (two.series, two.checkpoint, two.compare) == (1, 3, 20)
    assert (two.heads, two.score, two.answer) == ([[1, 2], [0, 1]], "previous_token", " C")
    other = InductionExplorer([load_demo("attn-only-1l"), load_demo("attn-only-2l")], view=saved)
    assert other.view == saved


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tabb": 1}, "it may have series, checkpoint"),
        ({"x_scale": "cubic"}, "'log' or 'linear'"),
        ({"attention_scale": "cubic"}, "'linear' or 'square root' or 'log'"),
        ({"compared_scores": "both"}, "'change' or 'value'"),
        ({"compared_patterns": "above"}, "'beside' or 'split'"),
        ({"compared_series": -1}, "None or the index of a series"),
        ({"compared_series": 2}, r"view\['compared_series'\] is 2; .+ from 0 to 1 \(2 series\)"),
        ({"window": [3, 1]}, "None or"),
        ({"window": ["1", "3"]}, "None or"),
        ({"window": [False, True]}, "None or"),
        ({"tab": "pasage"}, "it must be 'loss' or .+ or 'passage' or"),
        ({"tabs": {"passage": [4, 7]}}, "options of each tab by its name"),
        ({"tabs": {"pasage": {}}}, r"view\['tabs'\] has 'pasage'; it may have loss, .+ passage"),
        (
            {"tabs": {"ablation": {"hou": "mean"}}},
            r"view\['tabs'\]\['ablation'\] has 'hou'; it may have how, frozen, metric, top\.",
        ),
        (
            {"tabs": {"ablation": {"how": "noise"}}},
            r"\['ablation'\]\['how'\] is 'noise'; it must be 'zero' or 'mean' or 'resample'\.",
        ),
        ({"tabs": {"ablation": {"frozen": 1}}}, r"\['frozen'\] is 1; it must be True or False\."),
        ({"tabs": {"passage": {"tokens": [-1]}}}, "must be a list of whole numbers from 0"),
        ({"tabs": {"passage": {"tokens": [True]}}}, "must be a list of whole numbers from 0"),
        ({"tabs": {"scatter": {"against": 3}}}, r"\['against'\] is 3; it must be a name\."),
        ({"tabs": {"wiring": {"how": "mean"}}}, r"\['wiring'\] has 'how'; it has no options\."),
        ({"tabs": {"loss": {"how": "mean"}}}, r"\['loss'\] has 'how'; it has no options\."),
        ({"checkpoint": 999}, "from 0 to"),
        ({"series": 1, "checkpoint": 2, "heads": [[5, 5]]}, "layer 0 to 1"),
    ],
)
def test_a_wrong_view_changes_nothing(two, wrong, says) -> None:
    two.checkpoint = 5
    before = two.view
    with pytest.raises(traitlets.TraitError, match=says):
        two.view = wrong
    assert two.view == before
    assert two.checkpoint == 5
    assert two.series == 0


def test_a_view_saved_when_options_stood_beside_their_tabs_is_restored(two) -> None:
    """With every option that a reader could choose then."""
    two.view = {
        "series": 1,
        "checkpoint": 3,
        "compare": None,
        "score": "induction",
        "heads": [[1, 2]],
        "prompt": "A B",
        "answer": "",
        "tab": "scatter",
        "x_scale": "linear",
        "window": None,
        "window_unit": None,
        "brush": [2, 5],
        "tokens": [4, 7],
        "against": "entropy",
        "trails": False,
        "pca": "standardised",
        "ablation": "mean",
        "frozen": True,
    }
    assert two.view["tabs"] == {
        "passage": {"tokens": [4, 7]},
        "scatter": {"against": "entropy", "trails": False},
        "loss_pca": {"fit": "standardised"},
        "ablation": {"how": "mean", "frozen": True},
    }
    assert (two.view["tab"], two.view["brush"], two.heads) == ("scatter", [2, 5], [[1, 2]])
    two.view = two.view | {"ablation": "resample"}
    assert two.view["tabs"]["ablation"] == {"how": "resample", "frozen": True}
    two.view = two.view
    assert not {"ablation", "tokens", "pca"} & two.view.keys()


def test_every_change_is_in_the_view(two) -> None:
    seen = []
    two.observe(lambda change: seen.append(change.new), "view")
    two.checkpoint = 7
    two.set_state({"_view": {"x_scale": "linear"}})
    assert seen[0]["checkpoint"] == 7
    assert seen[-1]["x_scale"] == "linear"
    two.set_state({"_view": {"x_scale": "cubic"}})  # by a page: said, not raised
    assert two.view["x_scale"] == "linear"
    assert "'log' or 'linear'" in two._status["error"]["message"]
