"""Whatever is read of a series through training treats checkpoints, faults and callers alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray
from induction_kernels import CheckpointSeries, ablations, measures, passage_losses, sweep
from induction_kernels.errors import (
    CheckpointError,
    InductionError,
    ProbeError,
    PromptError,
    SelectionError,
)
from small_models import VOCABULARY, bridge, variants


def rows() -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (6, 70), generator=torch.Generator().manual_seed(7))


READ: dict[str, Callable[[CheckpointSeries], xarray.Dataset]] = {
    "sweep": lambda series: sweep(series, "induction", progress=False),
    "sweep into a store": lambda series: sweep(
        series, "induction", store=Path(tempfile.mkdtemp()) / "x.zarr", progress=False
    ),
    "measures": lambda series: measures(series, rows(), progress=False),
    "passage_losses": lambda series: passage_losses(series, [3, 5, 8, 5], progress=False),
    "ablations": lambda series: ablations(series, [(1, 0)], rows(), progress=False),
}

every_reader = pytest.mark.parametrize("read", READ.values(), ids=READ)


@pytest.fixture(scope="module")
def whole() -> CheckpointSeries:
    model = bridge()
    return CheckpointSeries.from_state_dicts(
        model, variants(model), steps=[0, 10, 20, 40], tokens=[0, 100, 200, 400], name="run"
    )


def damaged(*steps: int) -> CheckpointSeries:
    model = bridge()
    weights = variants(model)
    for step in steps:
        weights[step]["blocks.0.attn.q.weight"][:] = torch.nan
    return CheckpointSeries.from_state_dicts(
        model, weights, steps=[0, 10, 20, 40], tokens=[0, 100, 200, 400], name="run"
    )


@every_reader
def test_a_damaged_checkpoint_costs_itself_alone(read, whole) -> None:
    """The first, too, from which the probes would have been made."""
    for gone in ([2], [0, 1]):
        with pytest.warns(UserWarning, match=f"step {10 * gone[0]}: .*NaN"):
            found = read(damaged(*gone))
        assert [fault.split(":")[0] for fault in found.attrs["faults"]] == [
            f"step {10 * one}" for one in gone
        ]
        stands = [index for index in range(4) if index not in gone]
        expected = read(whole)
        for name in expected.data_vars:
            assert np.isnan(found[name].isel(checkpoint=gone)).all()
            np.testing.assert_array_equal(
                found[name].isel(checkpoint=stands), expected[name].isel(checkpoint=stands)
            )


@pytest.mark.unchecked  # the types would be enforced from a file between
@every_reader
def test_a_fault_is_told_where_the_caller_stands(read) -> None:
    with pytest.warns(UserWarning, match="step 20: .*NaN") as warned:
        read(damaged(2))
    assert warned[0].filename == __file__


@every_reader
def test_of_nothing_but_damaged_checkpoints_the_first_fault_is_told(read) -> None:
    with pytest.raises(CheckpointError, match=r"No checkpoint of run could be .*step 0: .*NaN"):
        read(damaged(0, 1, 2, 3))


@every_reader
def test_what_was_read_says_where_in_training(read, whole) -> None:
    found = read(whole)
    assert found.attrs["series"] == "run"
    assert found.attrs["faults"] == []
    assert found.attrs["weights"] == "raw"
    assert found["step"].values.tolist() == [0, 10, 20, 40]
    assert found["tokens"].values.tolist() == [0, 100, 200, 400]
    assert not found["tokens_estimated"].values.any()
    assert found["checkpoint"].values.tolist() == [0, 1, 2, 3]


@every_reader
def test_the_callers_model_stays_as_it_is(read) -> None:
    series = damaged()
    held = series.load(1)
    before = {name: value.clone() for name, value in held.state_dict().items()}
    read(series)
    assert all(torch.equal(value, before[name]) for name, value in held.state_dict().items())


ASKED: dict[str, tuple[type[InductionError], Callable[[CheckpointSeries], object]]] = {
    "a score on text without a tokenizer": (
        ProbeError,
        lambda series: sweep(series, "natural_induction", progress=False),
    ),
    "a text that is too short": (
        ProbeError,
        lambda series: measures(series, [[1, 2, 3]], progress=False),
    ),
    "a passage of one token": (
        PromptError,
        lambda series: passage_losses(series, [3], progress=False),
    ),
    "a head that does not exist": (
        SelectionError,
        lambda series: ablations(series, [(9, 9)], rows(), progress=False),
    ),
}


@pytest.mark.parametrize(("error", "ask"), ASKED.values(), ids=ASKED)
def test_what_no_checkpoint_could_answer_is_said_as_it_is(error, ask, whole) -> None:
    """And not as a fault of each checkpoint, one after the other."""
    with pytest.raises(error) as raised:
        ask(whole)
    assert "No checkpoint" not in str(raised.value)
    assert "step" not in str(raised.value)


def test_all_go_through_a_series_the_same_way() -> None:
    """One bar; a loop over models, one over tasks of a cluster, and `check`, without a model; and
    one over rows of text."""
    import induction_kernels

    house = Path(induction_kernels.__file__).parent

    def with_(text: str) -> set[str]:
        found = (path for path in house.rglob("*.py") if text in path.read_text())
        return {path.relative_to(house).as_posix() for path in found}

    assert with_("from tqdm") == {"checkpoints/progress.py"}
    assert with_(" progress_bar(") == {
        "checkpoints/progress.py", "checkpoints/series.py", "checkpoints/walk.py",
        "heads/pages.py", "sweeps/cluster.py",
    }  # fmt: skip
