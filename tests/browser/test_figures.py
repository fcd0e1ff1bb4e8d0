"""Every figure of the page, saved as a reader does, from any window: what its files say."""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from harness import Harness
from lent_windows import Windows
from playwright.sync_api import Locator, Page

SVG = "{http://www.w3.org/2000/svg}"
# Words that only mean something to whoever can press, point or scrub.
INTERACTIVE = re.compile(
    r"\b(Save|Enlarge|[Cc]licks?|[Pp]oint at|Drag|Play|slider|choose|chosen above|as found)\b"
    r"|How this was tested|Which came first|Draw a window|scale ·|·\s*$"
)
MARKS = ("path", "rect", "circle", "line")
# In the coordinates of the figure: what lies outside of its frame, if anything does.
OUTSIDE = """(file) => {
  const figure = new DOMParser().parseFromString(file, "image/svg+xml").documentElement;
  document.body.replaceChildren(figure);
  const frame = figure.getBoundingClientRect();
  return [...figure.querySelectorAll("text, path, rect, circle, line, image")]
    .map((mark) => [mark.outerHTML.slice(0, 120), mark.getBoundingClientRect()])
    .filter(([, { left, right, top, bottom, width, height }]) => width + height > 0
      && (left < frame.left - 1 || top < frame.top - 1
        || right > frame.right + 1 || bottom > frame.bottom + 1))
    .map(([mark]) => mark);
}"""
LOOKS: list[dict[str, int | str]] = [
    {"width": 1440, "scale": 1, "theme": "light"},
    {"width": 480, "scale": 2, "theme": "dark"},
]


def shown(windows: Windows, harness: Harness, case: str, **look: int | str) -> Page:
    size = {"width": int(look["width"]), "height": 900}
    page = windows.new_page(viewport=size, device_scale_factor=float(look["scale"]))
    harness.open(page, case=case, theme=str(look["theme"]))
    return page


def buttons(page: Page) -> Iterator[Locator]:
    """Every button that saves, with its tab open."""
    found = re.compile("^Save ")
    assert page.get_by_role("button", name=found).count() >= 4
    tabs = page.get_by_role("tablist").get_by_role("tab").all()
    for index, tab in enumerate(tabs):
        tab.click()
        page.locator(".ie-save-button").first.wait_for()
        page.wait_for_function("() => !/computing …/.test(document.body.innerText)")
        for button in page.get_by_role("button", name=found).all():
            panel = page.get_by_role("tabpanel").get_by_role("button", name=found)
            name = button.get_attribute("aria-label")
            if index == 0 or name in [each.get_attribute("aria-label") for each in panel.all()]:
                yield button


def saved(button: Locator, kind: str, folder: Path) -> Path:
    button.click()
    with button.page.expect_download() as waiting:
        button.page.get_by_role("menuitem", name=kind).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def words(path: Path) -> list[str]:
    return [text.text or "" for text in ElementTree.parse(path).getroot().iter(f"{SVG}text")]


def sides(path: Path) -> tuple[int, ...]:
    return tuple(
        int(ElementTree.parse(path).getroot().attrib[side]) for side in ("width", "height")
    )


def colours(path: Path) -> set[str]:
    return set(re.findall(r'(?:fill|stroke|stop-color)="(rgb[^"]+)"', path.read_text()))


def check_picture(path: Path, model: str, viewer: Page) -> None:
    root = ElementTree.parse(path).getroot()
    said = words(path)
    assert not [text for text in said if INTERACTIVE.search(text)]
    assert any(text.startswith(model) for text in said), said[-6:]
    ramps = list(root.iter(f"{SVG}linearGradient"))
    assert all(len(list(ramp)) >= 2 for ramp in ramps)
    assert "rgba(" not in path.read_text()
    assert viewer.evaluate(OUTSIDE, path.read_text()) == []


@pytest.mark.parametrize("look", LOOKS, ids=["wide", "narrow"])
def test_every_figure_says_what_it_is_of_and_nothing_to_press(
    windows: Windows, harness: Harness, tmp_path: Path, look: dict[str, int | str]
) -> None:
    page = shown(windows, harness, "2l", **look)
    viewer = windows.new_page()
    names = []
    for button in buttons(page):
        path = saved(button, "SVG", tmp_path)
        check_picture(path, "attn-only-2l", viewer)
        root = ElementTree.parse(path).getroot()
        marks = [mark for tag in MARKS for mark in root.iter(SVG + tag)]
        assert len(marks) > 6, f"{path.name} was saved before it was drawn"
        names.append(button.get_attribute("aria-label"))
        said = " ".join(words(path))
        assert "step 3,000" in said
    assert len(set(names)) == 23
    assert page.locator(".ie-paper").count() == 0


def test_a_figure_is_the_same_whatever_window_and_theme_it_is_saved_from(
    windows: Windows, harness: Harness, tmp_path: Path
) -> None:
    pages = [shown(windows, harness, "2l", **look) for look in LOOKS]
    for title in ("Induction at this checkpoint", "Attention patterns", "Loss"):
        files = []
        for index, page in enumerate(pages):
            button = page.get_by_role("button", name=f"Save {title}", exact=True)
            folder = tmp_path / str(index)
            files.append(saved(button, "SVG", folder))
            pixels = saved(button, "PNG", folder).read_bytes()
            size = struct.unpack(">II", pixels[16:24])
            assert size == tuple(2 * side for side in sides(files[-1]))
        assert words(files[0]) == words(files[1])
        # Letters are as wide as the screen's pixels let them be.
        assert sides(files[0]) == pytest.approx(sides(files[1]), abs=4)
        assert colours(files[0]) == colours(files[1])


def test_colour_bars_axes_and_chance_are_drawn(
    windows: Windows, harness: Harness, tmp_path: Path
) -> None:
    page = shown(windows, harness, "2l", width=1440, scale=1, theme="dark")
    page.get_by_label("Attention colours").select_option("square root")
    for title in ("Induction at this checkpoint", "Attention patterns"):
        path = saved(page.get_by_role("button", name=f"Save {title}", exact=True), "SVG", tmp_path)
        root = ElementTree.parse(path).getroot()
        (ramp, *_) = root.iter(f"{SVG}linearGradient")
        colours = [stop.attrib["stop-color"] for stop in ramp]
        assert len(set(colours)) > 8
        if title == "Attention patterns":
            upwards = [
                t for t in root.iter(f"{SVG}text") if "rotate(-90)" in t.get("transform", "")
            ]
            assert "query" in [text.text for text in upwards]
            assert "square root" in words(path)
            # Each axis names the tokens that it has room for.
            assert words(path).count("<|bos|>") == 2 * 2
            assert not list(root.iter(f"{SVG}image"))


def test_compared_figures_say_both_checkpoints(
    windows: Windows, harness: Harness, tmp_path: Path
) -> None:
    page = shown(windows, harness, "2l", width=1440, scale=1, theme="light")
    page.get_by_role("button", name="Compare").first.click()
    viewer = windows.new_page()
    for way in ("beside", "split"):
        page.get_by_label("Patterns stand").select_option(way)
        for title in ("Change of Induction", "Attention patterns", "Next-token predictions"):
            button = page.get_by_role("button", name=f"Save {title}", exact=True)
            path = saved(button, "SVG", tmp_path)
            check_picture(path, "attn-only-2l", viewer)
            assert re.search(
                r"step \S+ · \S+ tokens → step 3,000 · 12.3M tokens", " ".join(words(path))
            )


def test_a_long_name_is_cut_in_pictures_and_file_names_and_whole_in_tables(
    windows: Windows, harness: Harness, tmp_path: Path
) -> None:
    page = shown(windows, harness, "model", width=1440, scale=1, theme="light")
    name = page.evaluate("window.fake.get('_series')[0].name")
    assert len(name) > 300
    viewer = windows.new_page()
    for button in buttons(page):
        path = saved(button, "SVG", tmp_path)
        assert len(path.name) < 200
        check_picture(path, f"{name[:20]}", viewer)
        assert name not in path.read_text()
        assert any("…" in text for text in words(path))
        lines = saved(button, "CSV", tmp_path).read_text().splitlines()
        assert lines[0].startswith("# A row for each ")
        assert name in lines[0]
        (columns, *rows) = csv.reader(lines[1:])
        assert {len(row) for row in rows} <= {len(columns)}
