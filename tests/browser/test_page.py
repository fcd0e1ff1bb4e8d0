"""`induction-explorer demo` and `show`: the explorer on a page of its own, in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from induction_explorer import load_demo, sweep
from labpage import Traffic
from parts import Explorer
from patience import PATIENCE
from playwright.sync_api import Browser, Page, expect

DEMO = load_demo("attn-only-2l")


@contextmanager
def served(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, as a reader starts it, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "induction_explorer", *command, "--no-browser", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)["address"]
    finally:
        process.kill()
        process.communicate()


@contextmanager
def opened(chrome: Browser, address: str) -> Iterator[tuple[Page, Explorer, Traffic]]:
    """A page that asks nothing of other machines and has no errors."""
    page = chrome.new_page(viewport={"width": 1300, "height": 1200})
    traffic = Traffic()
    traffic.record(page)
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address)
    yield page, Explorer(page), traffic
    assert traffic.errors == []
    assert traffic.foreign_urls == []
    page.close()


def answer(address: str) -> int:
    """The status of a refusal."""
    with pytest.raises(HTTPError) as refused, urlopen(address, timeout=PATIENCE):
        pass
    refused.value.close()
    return refused.value.code


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with served("demo") as started:
        yield started


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store") / "x.zarr"
    sweep(DEMO.select([0, 10, -1]), "induction", store=place, progress=False)
    return place


def test_the_demo_is_drawn_and_scrubbed(demo, chrome) -> None:
    with opened(chrome, demo[1]) as (page, view, _):
        expect(view.grid).to_be_visible()
        expect(page).to_have_title("Induction Explorer")
        expect(view.cells).to_have_count(16)
        formed = view.grid.get_by_role("gridcell", name=re.compile(r" induction 0\.9"))
        expect(formed.first).to_be_visible()
        view.slider.press("Home")
        expect(view.slider).to_have_attribute("aria-valuetext", re.compile("^step 0 "))
        expect(view.grid.get_by_role("gridcell", name=re.compile(" induction 0.0"))).to_have_count(
            16
        )
        view.slider.press("End")
        expect(view.slider).to_have_value(str(len(DEMO) - 1))
        expect(formed.first).to_be_visible()
        view.prompt.fill("one two three one two three one")
        view.run.click()
        expect(view.tokens.first).to_be_visible()
        expect(view.predictions.get_by_text("two").first).to_be_visible()


def test_what_a_reader_arranged_is_there_on_every_page_and_when_it_is_loaded_again(
    demo, chrome
) -> None:
    with opened(chrome, demo[1]) as (one, view, _), opened(chrome, demo[1]) as (_, other, _):
        expect(view.grid).to_be_visible()
        expect(other.grid).to_be_visible()
        view.slider.focus()
        for key, at in (("Home", "0"), ("ArrowRight", "1"), ("ArrowRight", "2")):
            one.keyboard.press(key)
            expect(view.slider).to_have_value(at)
        expect(other.slider).to_have_value("2")
        other.slider.press("ArrowRight")
        expect(view.slider).to_have_value("3")
        one.reload()
        expect(view.slider).to_have_value("3")


def test_nobody_gets_in_without_the_token(demo) -> None:
    address, token = demo[1].split("?token=")
    for path in ("", "?token=", f"?token={token}x", "socket", f"socket?token=x{token}"):
        assert answer(address + path) == 403
    for path in ("../page.html", "page/server.py", "loader.js"):
        assert answer(f"{address}{path}?token={token}") == 404


def test_a_store_is_shown_without_its_model(chrome, store: Path) -> None:
    with served("show", str(store)) as (process, address):
        if sys.platform == "linux":
            libraries = Path(f"/proc/{process.pid}/maps").read_text()
            assert "libtorch" not in libraries
        with opened(chrome, address) as (_, view, _):
            expect(view.slider).to_have_attribute("aria-valuetext", re.compile("^step "))
            expect(view.cells).to_have_count(16)
            view.slider.press("Home")
            expect(view.slider).to_have_value("0")
            expect(view.root.get_by_text("InductionExplorer(series)").first).to_be_visible()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_the_page_says_so(sign, chrome, store) -> None:
    with served("show", str(store)) as (process, address):
        page = chrome.new_page()
        page.goto(address)
        view = Explorer(page)
        expect(view.grid).to_be_visible()
        process.send_signal(sign)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert said.endswith("Stopped.\n")
        assert "Traceback" not in said
        expect(view.alerts.first).to_contain_text("The command that serves this page has ended")
        page.close()


def test_a_port_that_is_taken_is_refused_in_words(demo) -> None:
    port = re.search(r":(\d+)/", demo[1])[1]
    found = subprocess.run(
        [sys.executable, "-m", "induction_explorer", "demo", "--no-browser", "--port", port],
        env=os.environ, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert found.returncode == 2
    assert f"Error: 127.0.0.1:{port} cannot be served on: Address already in use" in found.stderr
