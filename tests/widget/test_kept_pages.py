"""Pages of heads that a store keeps, shown without a model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from induction_explorer import InductionExplorer, sweep
from induction_explorer.series import following
from patience import until
from wire_page import Page

ROWS = [[(7 * i + 3 * j * j) % 300 for j in range(30)] for i in range(20)]
HEAD = (1, 2)
ASKED = {"scores": "induction", "measures": False, "texts": ROWS, "progress": False}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tokenizer) -> Path:
    return tmp_path_factory.mktemp("pages") / "x.zarr"


@pytest.fixture
def kept(series, place) -> Iterator[InductionExplorer]:
    sweep(series, store=place, head_pages=[HEAD, (0, 1)], **ASKED)
    explorer = InductionExplorer.from_store(place)
    explorer.wait()
    yield explorer
    explorer.close()


SCRIPT = """
import sys
from induction_explorer import InductionExplorer
explorer = InductionExplorer.from_store({place!r})
explorer.wait(60)
got = []
asked = dict(id="1", kind="head_page", series=0, checkpoints=[0, 3], head=[1, 2])
explorer._requests.receive(asked, lambda body, buffers=None: got.append(body))
assert [one["done"] for one in got] == [True], got
assert len(got[0]["body"]["tokens"]) > 20, got
explorer.close()
print(*sorted({{"torch", "transformers", "transformer_lens", "safetensors"}} & set(sys.modules)))
"""


@pytest.mark.slow
def test_nothing_that_computes_is_imported(kept, place) -> None:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(place=str(place))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.split() == []


def test_it_answers_as_an_explorer_with_the_model(series, kept) -> None:
    live = InductionExplorer(series, texts=ROWS)
    (stored, arrays), *rest = Page(kept).ask("head_page", checkpoints=[0, 3], head=HEAD)
    assert rest == []
    assert stored["checkpoints"] == [0, 3]
    for row, at in enumerate([0, 3]):
        *_, (body, found) = Page(live).ask("head_page", checkpoints=[at], head=HEAD)
        for name, values in found.items():
            # As many rows at a time as the explorer has room for: sums in another order.
            np.testing.assert_allclose(arrays[name][row], values[0], rtol=1e-6, err_msg=name)
        assert body["tokens"].items() <= stored["tokens"].items()
        assert (body["origin"], stored["origin"]) == ("token ids of your own",) * 2
    # No prompt can be run: there is nothing to make one of.
    assert (bool(body["texts"]), stored["texts"]) == (True, {})
    live.close()


def test_it_says_that_it_holds_them_and_which_it_does_not(kept) -> None:
    assert kept._series[0]["held"] == ["head_page"]
    assert kept._series[0]["without_model"].endswith("scores, losses and pages of heads.")
    ((body, _),) = Page(kept).ask("head_page", checkpoints=[0], head=(1, 0))
    assert body["error"]["message"] == "The store keeps nothing of L1H0 on text."
    assert body["error"]["hint"] == (
        "It keeps L1H2, L0H1; sweep(series, head_pages=[(1, 0)], store=...) adds this one."
    )
    ((body, _),) = Page(kept).ask("head_page", checkpoints=[0], head=(1, 99))
    assert "no head 99" in body["error"]["message"]


def test_a_copy_of_it_holds_what_was_looked_at(kept, tmp_path) -> None:
    from induction_explorer.export.held import answers

    Page(kept).ask("head_page", checkpoints=[0, 3], head=HEAD)
    held = {one.analysis.kind: one for one in answers(0, kept._sessions[0], None, 0, [])}
    assert sorted(held["head_page"].checkpoints) == [0, 1, 2, 3]
    assert held["head_page"].words["origin"] == "token ids of your own"
    kept.to_html(tmp_path / "x.html")
    assert "head_page" in (tmp_path / "x.html").read_text()


def test_pages_that_come_later_are_shown(series, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(following, "LOOK_EVERY", 0.05)
    place = tmp_path / "x.zarr"
    sweep(series, store=place, scores="induction", progress=False)
    explorer = InductionExplorer.from_store(place)
    assert explorer._series[0]["held"] == []
    sweep(series.select([1]), store=place, head_pages=[HEAD], **ASKED)
    until(lambda: explorer._series[0]["held"] == ["head_page"])
    (first, _), (second, _) = Page(explorer).ask("head_page", checkpoints=[0, 1], head=HEAD)
    assert first["checkpoints"] == [1]
    assert second["error"]["message"] == (
        "The store keeps nothing of L1H2 on text at step 0 (yet)."
    )
    explorer.close()
