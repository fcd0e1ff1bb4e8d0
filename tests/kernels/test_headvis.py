"""HeadVis folders: written and read back, as others write them, and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from induction_kernels import (
    head_pages,
    head_scores,
    load_demo,
    read_headvis,
    scores_from_headvis,
    write_headvis,
)
from induction_kernels.errors import SelectionError, StoreError
from induction_kernels.heads.headvis.reading import cells
from induction_kernels.inputs.tokenization import token_strings

TEXTS = [
    "The list of names is read by the function, and the list of names is returned.",
    "A value of None is not the same as a value of zero, nor is it the same as a name.",
    "Return the object of the given name, or None where the given name is of no object.",
]


@pytest.fixture(scope="module")
def model():
    return load_demo("attn-only-2l").load(-1)


@pytest.fixture(scope="module")
def pages(model):
    return head_pages(model, TEXTS, [(1, 6), (0, 2)], progress=False)


@pytest.fixture
def folder(pages, tmp_path) -> Path:
    return write_headvis(tmp_path / "vis", pages)


def test_what_is_written_is_read_back(pages, folder) -> None:
    found = read_headvis(folder)
    assert list(found) == [(1, 6), (0, 2)]
    assert (found.config.n_layers, found.config.n_heads, found.config.n_intervals) == (2, 8, 5)
    for head, page in pages.items():
        read = found[head]
        assert len(read.sequences) == len(page.sequences) == 3
        for one, shown in zip(read.sequences, page.sequences, strict=True):
            assert (one.sequence_id, one.interval) == (shown.row, shown.interval)
            assert one.tokens == token_strings(pages.model, shown.tokens.tolist())
            assert cells(one).at.tolist() == shown.cells.at.tolist()
            np.testing.assert_allclose(cells(one).attention, shown.cells.attention, atol=5.1e-5)
            assert one.max_activation == pytest.approx(shown.strength, abs=5.1e-5)
        assert sum(read.histogram.bin_values) == 3
        bins = read.qk_distance_histogram
        assert bins.bin_edges[:4] == [0, 1, 2, 4]
        assert bins.bin_values[2] == pytest.approx(page.distances[2:4].sum(), abs=1e-4)
        assert sum(bins.bin_values) == pytest.approx(page.distances.sum(), abs=1e-2)
        at = page.looked_at.argmax()
        assert read.top_key_tokens[0].token == token_strings(pages.model, page.tokens.tolist())[at]
        assert read.top_key_tokens[0].weight == pytest.approx(page.looked_at[at], abs=1e-4)


def test_files_are_those_that_headvis_names(folder) -> None:
    """By the specification, not by our own reader."""
    config = json.loads((folder / "config.json").read_text())
    assert config["heads"] == [[1, 6], [0, 2]]
    assert config["head_data_pattern"] == "L{layer}H{head}.json"
    rows = json.loads((folder / "scatter_data.json").read_text())
    assert [(row["layer"], row["head"]) for row in rows] == [(1, 6), (0, 2)]
    assert set(config["metrics"]) == rows[0].keys() - {"layer", "head"}
    assert set(config["metric_descriptions"]) >= set(config["metrics"])
    assert json.loads((folder / "server_config.json").read_text()) == {}
    head = json.loads((folder / "heads" / "L1H6.json").read_text())
    for plot in config["custom_plots"]:
        assert len(head[plot["key"]]["bin_edges"]) == len(head[plot["key"]]["bin_values"]) + 1
    for table in config["custom_tables"]:
        assert head[table["key"]][0].keys() == {"token", "weight"}
    for one in head["sequences"]:
        n = one["seq_len"]
        assert n == len(one["tokens"])
        inner = [
            value
            for at, value in zip(one["attention_indices"], one["attention_values"], strict=True)
            if 0 < at % n < at // n
        ]
        assert one["max_activation"] == max(inner)
        assert all(at % n <= at // n for at in one["attention_indices"])


def test_scores_stand_among_its_metrics(model, pages, tmp_path) -> None:
    scores = head_scores(model, ["induction", "previous_token"])
    folder = write_headvis(tmp_path / "vis", pages, scores)
    read = scores_from_headvis(folder, step=0)
    expected = scores["induction"].sel(layer=1, head=6)
    assert float(read["headvis_induction"].sel(layer=1, head=6)) == pytest.approx(
        float(expected), abs=1e-4
    )
    assert "A[q" in read["headvis_induction"].attrs["description"]
    assert float(read["headvis_qk_distance"].sel(layer=1, head=6)) > 1


def test_a_folder_of_someone_else_is_read(tmp_path) -> None:
    """Ten intervals, no optional field, and fields that nobody knows."""
    (tmp_path / "heads").mkdir()
    sequence = {"sequence_id": 9, "interval": 10, "tokens": ["a", "b"], "seq_len": 2,
                "attention_indices": [2, 3], "attention_values": [0.4, 0.6],
                "max_activation": 0.6, "note": "mine"}  # fmt: skip
    config = {"model_name": "x", "heads": [[3, 4]], "n_intervals": 10, "np_model_id": "x"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "heads" / "L3H4.json").write_text(json.dumps({"sequences": [sequence]}))
    found = cells(read_headvis(tmp_path)[3, 4].sequences[0])
    assert (found.queries.tolist(), found.keys.tolist()) == ([1, 1], [0, 1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"attention_indices": [0, 99_999]}, "cell 99999, which is none of"),
        ({"attention_indices": [0]}, "1 attention_indices and 2 values"),
        ({"attention_indices": [0, -1]}, "attention_indices"),
        ({"tokens": ["a"]}, "has 1 tokens and seq_len"),
        ({"interval": 6}, "interval 6 of 5"),
        ({"interval": "top"}, "Expected `int`, got `str`"),
    ],
)
def test_a_damaged_sequence_is_said(folder, change, said) -> None:
    file = folder / "heads" / "L1H6.json"
    head = json.loads(file.read_text())
    head["sequences"][0] |= {"attention_values": [0.1, 0.2], "attention_indices": [0, 1]} | change
    file.write_text(json.dumps(head))
    with pytest.raises(StoreError, match=said):
        read_headvis(folder)[1, 6]
    assert read_headvis(folder)[0, 2].sequences  # the others are as they were


def test_the_last_cell_is_one_and_the_next_is_none(folder) -> None:
    file = folder / "heads" / "L1H6.json"
    head = json.loads(file.read_text())
    n = head["sequences"][0]["seq_len"]
    for at, is_one in ((n * n - 1, True), (n * n, False)):
        head["sequences"][0] |= {"attention_indices": [at], "attention_values": [0.5]}
        file.write_text(json.dumps(head))
        if is_one:
            assert cells(read_headvis(folder)[1, 6].sequences[0]).keys.tolist() == [n - 1]
        else:
            with pytest.raises(StoreError, match=f"cell {at}, which is none of"):
                read_headvis(folder)[1, 6]


def test_folders_that_are_none_are_said(folder, pages, tmp_path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        read_headvis(tmp_path / "nowhere")
    with pytest.raises(SelectionError, match=r"has no head \(0, 0\)"):
        read_headvis(folder)[0, 0]
    with pytest.raises(StoreError, match="There is something at"):
        write_headvis(folder, pages)
    config = json.loads((folder / "config.json").read_text())
    for pattern in ("../config.json", "one.json"):
        (folder / "config.json").write_text(json.dumps(config | {"head_data_pattern": pattern}))
        with pytest.raises(StoreError, match="names its files"):
            read_headvis(folder)[1, 6]
    (folder / "config.json").write_text("[]")
    with pytest.raises(StoreError, match="Expected `object`"):
        read_headvis(folder)
    (folder / "config.json").write_text('{"model_name": ')
    with pytest.raises(StoreError, match="is not as HeadVis has it"):
        read_headvis(folder)
