"""Names in figures: none lies on another, none is cut off by the edge of its figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from computed_demo import FORMING
from labpage import LabPage
from notebooks import EXPLORER, SHOW, Desk
from parts import Explorer
from playwright.sync_api import expect

#: What collides or sticks out in the figures that are shown, in words.
COLLISIONS = (Path(__file__).parent / "collisions.js").read_text()

#: What moves with the slider is placed after the frame in which it appears.
TWO_FRAMES = "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"

TWO = f"""\
both = [load_demo(name).select({FORMING}) for name in ("attn-only-2l", "attn-only-3l")]
w = InductionExplorer(both, heads=[[0, 0], [0, 3], [1, 1], [1, 2]])
w.wait()"""


@pytest.fixture
def two(desk: Desk, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """Two bundled series, four heads selected."""
    with desk.notebook(request.node.name, EXPLORER.split("\n")[0], TWO, SHOW) as page:
        page.run_all()
        page.command("application:toggle-left-area")
        yield page
        page.command("application:toggle-left-area")


def test_no_name_lies_on_another(two: LabPage) -> None:
    view = Explorer(two.page)
    view.wait_until_computed()
    session = two.page.context.new_cdp_session(two.page)
    tabs = view.measures.all_inner_texts()
    assert len(tabs) > 9
    for width, scale in [(1440, 1), (480, 2), (480, 1), (1440, 2)]:
        size = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": False}
        session.send("Emulation.setDeviceMetricsOverride", size)
        two.page.wait_for_function("ratio => devicePixelRatio === ratio", arg=scale)
        for tab in tabs:
            view.root.get_by_role("tab", name=tab, exact=True).click()
            expect(view.measure).to_have_accessible_name(tab)
            expect(view.root.get_by_text("computing …")).to_have_count(0)
            two.page.mouse.move(0, 0)  # what is pointed at has a tip over it
            for place in ("Home", "End"):
                view.slider.press(place)
                two.page.evaluate(TWO_FRAMES)
                found = two.page.evaluate(COLLISIONS)
                assert found == [], (width, scale, tab, place)
    session.send("Emulation.clearDeviceMetricsOverride")
