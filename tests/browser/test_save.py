"""Panels saved: as vectors, as pixels, and as the kernel's own numbers."""

from __future__ import annotations

import csv
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import expect

SVG = "{http://www.w3.org/2000/svg}"


def save(page: LabPage, explorer: Explorer, title: str, kind: str) -> Path:
    explorer.root.get_by_role("button", name=f"Save {title}", exact=True).click()
    with page.page.expect_download() as waiting:
        explorer.root.get_by_role("menuitem", name=kind).click()
    path = waiting.value.path()
    assert path is not None
    named = Path(path).with_name(waiting.value.suggested_filename)
    Path(path).rename(named)
    return named


def rows_of(path: Path) -> list[dict[str, str]]:
    """As a reader has them that takes lines with "#" for comments."""
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# A row for each ")
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.fixture
def ready(page: LabPage, explorer: Explorer, python: Kernel) -> Explorer:
    python.run("w.wait()")
    explorer.wait_until_computed()
    explorer.measures.first.click()
    expect(explorer.measure.locator("figure svg").first).to_be_visible()
    return explorer


def charts_are_vectors(page: LabPage, ready: Explorer) -> None:
    for title in ("Loss", "Induction of every head", "Induction at this checkpoint"):
        path = save(page, ready, title, "SVG")
        text = path.read_text()
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert "var(--" not in text
        assert "http" not in text.replace("http://www.w3.org/", "")
        assert not list(root.iter(f"{SVG}image"))
        words = " ".join(node.text or "" for node in root.iter(f"{SVG}text"))
        assert len(list(root.iter(f"{SVG}text"))) > 8
        if title == "Loss":
            assert "held-out text" in words
            assert len(list(root.iter(f"{SVG}path"))) >= 1
            assert path.name.startswith("attn-only-2l-loss-step-")


def pixels_are_twice_as_many(page: LabPage, ready: Explorer) -> None:
    figure = ElementTree.fromstring(save(page, ready, "Loss", "SVG").read_text())
    data = save(page, ready, "Loss", "PNG").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    size = struct.unpack(">II", data[16:24])
    assert size == (2 * int(figure.attrib["width"]), 2 * int(figure.attrib["height"]))


def data_are_the_kernels_numbers(page: LabPage, ready: Explorer, python: Kernel) -> None:
    rows = rows_of(save(page, ready, "Induction of every head", "CSV"))
    sent = python.value("[float(x) for x in w.scores()['induction'].values.ravel()]")
    assert np.float32([row["induction"] for row in rows]).tolist() == np.float32(sent).tolist()
    training = ("checkpoint", "step", "tokens", "tokens_estimated")
    assert rows[0].keys() == {*training, "layer", "head", "induction"}
    losses = rows_of(save(page, ready, "Loss", "CSV"))
    sent = python.value("[float(x) for x in w.measures()['loss'].values]")
    assert np.float32([row["loss"] for row in losses]).tolist() == np.float32(sent).tolist()
    assert [row["step"] for row in losses][:2] == ["0", "100"]


def the_menu_goes_by_keyboard(page: LabPage, ready: Explorer) -> None:
    button = ready.root.get_by_role("button", name="Save Loss", exact=True)
    button.focus()
    page.page.keyboard.press("ArrowDown")
    items = ready.root.get_by_role("menuitem")
    expect(items.nth(0)).to_be_focused()
    page.page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(items).to_have_count(0)
    expect(button).to_be_focused()


def test_panels_are_saved(
    page: LabPage, ready: Explorer, python: Kernel, subtests: pytest.Subtests
) -> None:
    with subtests.test("charts are vectors"):
        charts_are_vectors(page, ready)
    with subtests.test("pixels are twice as many"):
        pixels_are_twice_as_many(page, ready)
    with subtests.test("data are the kernel's numbers"):
        data_are_the_kernels_numbers(page, ready, python)
    with subtests.test("the menu goes by keyboard"):
        the_menu_goes_by_keyboard(page, ready)
