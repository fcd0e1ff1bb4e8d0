"""The picture of an explorer, as drawn."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from induction_explorer.export.picture.colours import Scale
from induction_explorer.export.picture.training import TrainingAxis
from induction_explorer.export.picture.whole import Subject, picture

SCORE = {"title": "Induction", "range": [0.0, 1.0], "colours": "range", "own": False}
STEPS = [0, 10, 100, 1000]


def subject(scores: np.ndarray, checkpoint: int = -1, **info) -> Subject:
    count = len(scores)
    facts = {
        "name": "small",
        "labels": [f"step {step}" for step in STEPS[:count]],
        "steps": STEPS[:count],
        "tokens": [None] * count,
        "tokens_estimated": [False] * count,
    }
    return Subject(facts | info, SCORE, scores, range(count)[checkpoint], None, "steps")


def words(of: Subject) -> list[str]:
    root = ElementTree.fromstring(picture(of).svg)
    return [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).random((4, 2, 3))


def test_it_says_the_numbers_of_its_checkpoint(scores) -> None:
    for checkpoint in range(4):
        said = words(subject(scores, checkpoint))
        assert said[0] == f"small · Induction · step {STEPS[checkpoint]}"
        order = np.argsort(-scores[checkpoint], axis=None)[:4]
        heads = [divmod(int(one), 3) for one in order]
        assert said[1] == "Strongest: " + ", ".join(
            f"L{layer}H{head} {scores[checkpoint, layer, head]:.3f}" for layer, head in heads
        )
        assert {f"{value:.2f}" for value in scores[checkpoint].ravel()} <= set(said)


def test_its_curves_lie_where_the_numbers_are(scores) -> None:
    scores[:, 1, 2] = [0.1, 0.2, 0.3, 0.9]
    scores[:, :, :2], scores[:, 0, 2] = 0, 0
    curve = re.findall(r'points="([^"]*)"', picture(subject(scores)).svg)[0]
    ys = np.array([float(point.split(",")[1]) for point in curve.split()])
    shares = (ys[0] - ys) / (ys[0] - ys[-1])
    np.testing.assert_allclose(shares, [0, 0.125, 0.25, 1], atol=0.002)


def test_a_gap_is_no_line(scores) -> None:
    whole = picture(subject(scores)).svg
    scores[1] = np.nan
    assert whole.count("<circle") == 0
    assert picture(subject(scores)).svg.count("<circle") == 4  # the first checkpoint, by itself


def test_what_is_not_known_is_said(scores) -> None:
    scores[2] = np.nan
    assert words(subject(scores, 2))[1] == "Not computed when this picture was made"
    scores[3, 0] = np.nan
    said = picture(subject(scores, 3)).said
    assert "L0" not in said


def test_a_model_by_itself_has_no_curves(scores) -> None:
    svg = picture(subject(scores[:1])).svg
    assert "polyline" not in svg
    assert words(subject(scores[:1]))[0] == "small · Induction"


def test_names_are_text(scores) -> None:
    svg = picture(subject(scores, name="<script>alert(1)</script>\u202e")).svg
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_a_long_name_is_cut_in_its_middle(scores) -> None:
    name = "begins" + "x" * 200 + "ends"
    assert re.fullmatch(
        r"beginsx+…x+ends · Induction · step 1000", words(subject(scores, name=name))[0]
    )


def test_a_large_grid_is_an_image_of_a_pixel_a_head() -> None:
    scores = np.random.default_rng(0).random((4, 48, 64))
    svg = picture(subject(scores)).svg
    assert len(svg) < 20_000
    (data,) = re.findall(r"image/png;base64,([^\"]*)", svg)
    png = base64.b64decode(data)
    assert struct.unpack(">II", png[16:24]) == (64, 48)
    size = struct.unpack(">I", png[33:37])[0]
    rows = np.frombuffer(zlib.decompress(png[41 : 41 + size]), np.uint8).reshape(48, 1 + 64 * 3)
    expected = Scale(0, 1).colour(scores[3, 5, 7])
    assert "#" + rows[5, 1 + 3 * 7 : 4 + 3 * 7].tobytes().hex() == expected


@pytest.mark.parametrize(
    ("low", "high", "values", "scale"),
    [
        (0, 1, [0.2, 0.4], (0, 1)),
        (None, None, [0.2, 0.4], (0.2, 0.4)),
        (None, None, [-1.0, 0.5], (-1, 1)),
        (None, None, [np.nan], (0, 1)),
        (0, 0, [0.0], (0, 1)),
    ],
)
def test_colours_mean_what_they_mean_in_the_widget(low, high, values, scale) -> None:
    """As tests/js has it of js/src/ui/color.ts."""
    found = Scale.of({"range": [low, high], "colours": "range"}, np.array(values))
    assert (found.low, found.high) == scale


def test_training_begins_at_nothing_and_goes_on_by_powers() -> None:
    axis = TrainingAxis([0, 10, 100, 1000], 100, 300)
    assert axis.at(0) == 100
    assert axis.at(1000) == 300
    assert axis.at(100) - axis.at(10) == pytest.approx(axis.at(1000) - axis.at(100))
    assert axis.ticks() == [0, 10, 100, 1000]
