"""Pages of heads that a sweep keeps, of each checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray
from induction_kernels import CheckpointSeries, Recorder, head_pages, sweep
from induction_kernels.errors import ProbeError, SelectionError, StoreError
from induction_kernels.heads.page import HeadPage
from induction_kernels.sweeps.pages import SAMPLES, STRONGEST, SweptPage
from induction_kernels.sweeps.reading_pages import PagesReader
from induction_kernels.sweeps.stored import Stored
from small_models import HUGGING_FACE, bridge, variants

ROWS = torch.randint(1, 60, (31, 12), generator=torch.Generator().manual_seed(5)).tolist()
HEADS = [(1, 2), (0, 3)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "x.zarr"


@pytest.fixture(scope="module")
def series() -> CheckpointSeries:
    model = HUGGING_FACE["gpt2"]()
    weights = [
        {name: value + 0.2 * at * value.sin() for name, value in model.state_dict().items()}
        for at in range(3)
    ]
    return CheckpointSeries.from_state_dicts(model, weights, name="run")


def swept(series: CheckpointSeries, place: Path, heads: Any = HEADS, texts: Any = ROWS) -> None:
    sweep(
        series, "induction", measures=False, head_pages=heads, texts=texts, store=place,
        progress=False,
    )  # fmt: skip


def check_equal(kept: HeadPage | None, page: HeadPage) -> None:
    """In every bit."""
    assert kept is not None
    assert (kept.head, kept.first) == (page.head, page.first)
    for name in ("strengths", "intervals", "distances", "tokens", "counts", "looked_from",
                 "looked_at"):  # fmt: skip
        ours, theirs = getattr(kept, name), getattr(page, name)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert len(kept.sequences) == len(page.sequences)
    for one, other in zip(kept.sequences, page.sequences, strict=True):
        assert (one.row, one.interval, one.strength) == (other.row, other.interval, other.strength)
        np.testing.assert_array_equal(one.tokens, other.tokens)
        assert one.cells.length == other.cells.length
        np.testing.assert_array_equal(one.cells.at, other.cells.at)
        np.testing.assert_array_equal(one.cells.attention, other.cells.attention)


def test_what_is_kept_is_what_head_pages_finds_in_every_bit(series, place) -> None:
    swept(series, place)
    store = Stored(place)
    assert store.pages == [SweptPage(*head) for head in HEADS]
    for at in range(3):
        found = head_pages(
            series.load(at), ROWS, HEADS, strongest=STRONGEST, samples=SAMPLES, progress=False
        )
        for head in HEADS:
            (kept,) = store.of_page(SweptPage(*head), [series.labels[at]])
            check_equal(kept, found[head])


def test_rows_of_different_lengths_and_fewer_than_are_shown_are_kept_too(series, place) -> None:
    from induction_kernels.inputs.texts import TextProbe

    model, tokens = series.model(0), torch.tensor(ROWS[:3])
    mask = torch.ones_like(tokens)
    mask[1, 7:] = 0
    text = TextProbe.of_tokens(model, tokens, mask)
    sweep(
        series, "induction", measures=False, head_pages=[(0, 1)], texts=text, store=place,
        progress=False,
    )  # fmt: skip
    page = head_pages(model, text, [(0, 1)], strongest=STRONGEST, samples=SAMPLES, progress=False)
    (kept,) = Stored(place).of_page(SweptPage(0, 1), series.labels[:1])
    check_equal(kept, page[0, 1])
    assert kept is not None
    assert sorted(len(one.tokens) for one in kept.sequences) == [7, 12, 12]


def test_true_is_all_heads_in_one_pass_a_checkpoint_and_none_again(
    series, place, monkeypatch
) -> None:
    read: list[int] = []
    original = PagesReader.__call__

    def noting(self: PagesReader, model: Any, names: Any) -> Any:
        found = original(self, model, names)
        if found:
            read.append(len(found))
        return found

    monkeypatch.setattr(PagesReader, "__call__", noting)
    each = len(SweptPage(0, 0).names)
    swept(series.select([1]), place, HEADS)
    assert read == [2 * each]
    swept(series, place, heads=True)
    every = Stored(place).every_head
    assert sorted(one.layer * 4 + one.head for one in Stored(place).pages) == list(range(8))
    assert read[1:] == [8 * each, 6 * each, 8 * each]  # the two that were there are not read again
    swept(series, place, heads=True)
    swept(series, place, every[3:5])
    assert len(read) == 4


def test_a_checkpoint_whose_page_was_cut_off_in_mid_write_is_read_again_alone(
    series, place, monkeypatch
) -> None:
    swept(series, place)
    whole = Stored(place).of_page(SweptPage(1, 2), series.labels)
    (chunk,) = (place / "page_attention_L1H2" / "c.1.0.0.0",)
    assert chunk.exists()
    chunk.write_bytes(chunk.read_bytes()[:-9])
    assert Stored(place).of_page(SweptPage(1, 2), series.labels)[1] is None
    read: list[str] = []
    original = PagesReader.__call__
    monkeypatch.setattr(
        PagesReader, "__call__",
        lambda self, model, names: read.append(model.name) or original(self, model, names),
    )  # fmt: skip
    swept(series, place)
    assert len(read) == 1
    for one, page in zip(Stored(place).of_page(SweptPage(1, 2), series.labels), whole, strict=True):
        assert page is not None
        check_equal(one, page)


@pytest.mark.parametrize("heads", [HEADS, [(0, 0)]])
def test_another_corpus_is_refused_and_what_differs_is_named(series, place, heads) -> None:
    swept(series, place)
    other = [row[::-1] for row in ROWS]
    with pytest.raises(StoreError, match="another sweep: pages of heads: text_hash is '"):
        swept(series, place, heads, other)
    with pytest.raises(StoreError, match="pages of heads: text_hash"):
        swept(series, place, heads, ROWS[:9])
    assert Stored(place).pages == [SweptPage(*head) for head in HEADS]


def test_anybody_opens_it_and_the_dataset_of_the_sweep_has_scores_alone(series, place) -> None:
    found = sweep(
        series, "induction", head_pages=[(1, 2)], texts=ROWS, measures="loss", store=place,
        progress=False,
    )  # fmt: skip
    assert list(found.data_vars) == ["induction", "loss"]
    assert "page_token" not in found.coords
    kept = xarray.open_zarr(place, consolidated=False).load()
    one = kept["page_looked_at_L1H2"]
    assert one.dims == ("checkpoint", "page_token")
    assert (one.attrs["of_head"], one.attrs["text_rows"]) == ([1, 2], len(ROWS))
    assert int(kept["page_count"].sum()) == 31 * 11
    page = head_pages(series.load(0), ROWS, [(1, 2)], progress=False)[1, 2]
    np.testing.assert_array_equal(one[0], page.looked_at)
    strings = kept["vocabulary"][kept["page_token"].to_numpy()].to_numpy()
    assert len(strings) == len(page.tokens)


def test_a_line_says_before_anything_is_read_what_pages_take(series, place, capsys) -> None:
    sweep(
        series, "induction", measures=False, head_pages=True, texts=ROWS, store=place,
        progress=True,
    )  # fmt: skip
    said = next(one for one in capsys.readouterr().err.splitlines() if "Pages of heads" in one)
    chunks = [one for one in place.glob("page_*/c*") if "L" in one.parent.name and
              (one.name.startswith(("c.0", "c/0")) or one.name == "c.0")]  # fmt: skip
    written = sum(one.stat().st_size - 4 for one in chunks)  # without their checksums
    assert said.endswith(f"{written / 1000:.4g} kB of {place} a checkpoint.")


def test_a_training_run_keeps_pages_as_a_sweep_of_its_weights_does(tmp_path, tokenizer) -> None:
    model = bridge()
    asked = {"scores": "induction", "measures": False, "head_pages": [(1, 1)], "texts": ROWS}
    recorder = Recorder(
        tmp_path / "run", model, store=tmp_path / "live.zarr", tokenizer=tokenizer, **asked
    )
    for step, weights in enumerate(variants(model, 2)):
        model.load_state_dict(weights)
        recorder(step)
    series = CheckpointSeries.from_folder(tmp_path / "run", bridge(), tokenizer=tokenizer)
    sweep(series, store=tmp_path / "x.zarr", progress=False, **asked)
    live, kept = (Stored(tmp_path / name) for name in ("live.zarr", "x.zarr"))
    for one, other in zip(
        live.of_page(SweptPage(1, 1), series.labels),
        kept.of_page(SweptPage(1, 1), series.labels),
        strict=True,
    ):
        assert other is not None
        check_equal(one, other)


def test_a_checkpoint_that_cannot_be_read_is_a_gap(place) -> None:
    model = HUGGING_FACE["gpt2"]()
    good, bad = variants(model, 2)
    bad = {name: value * torch.nan for name, value in bad.items()}
    series = CheckpointSeries.from_state_dicts(model, [good, bad], name="run")
    with pytest.warns(UserWarning, match="left out"):
        swept(series, place)
    first, second = Stored(place).of_page(SweptPage(*HEADS[0]), series.labels)
    assert first is not None
    assert second is None


@pytest.mark.unchecked
@pytest.mark.parametrize("wrong", [[3], [(1, 2, 3)], (1, 6), [(0, -1)], [("L", "H")], 5])
def test_what_is_no_head_is_refused(series, place, wrong) -> None:
    with pytest.raises(SelectionError, match=r"is no head.*head_pages=\["):
        swept(series, place, wrong)
    assert not place.exists()


def test_what_cannot_be_kept_is_refused_before_anything_is(series, place) -> None:
    with pytest.raises(SelectionError, match="no head 9"):
        swept(series, place, [(0, 9)])
    with pytest.raises(ProbeError, match="no tokenizer"):
        swept(series, place, texts=None)
    with pytest.raises(ProbeError, match="Row 0 has 1 token"):
        swept(series, place, texts=[[3], [4]])
    with pytest.raises(SelectionError, match="head_pages= was given without store="):
        sweep(series, "induction", head_pages=True, progress=False)
    assert not place.exists()
