"""Python and the page agree, whoever moved first."""

from kernel import Kernel
from labpage import LabPage
from parts import Explorer
from playwright.sync_api import expect


def test_the_score_picker(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    names = explorer.names()
    explorer.score.select_option("previous_token")
    page.wait_until(lambda: python.value("w.score") == "previous_token", "the trait")
    page.wait_until(
        lambda: all("previous_token" in name for name in explorer.names()), "its numbers"
    )
    assert [n.split()[-1] for n in explorer.names()] != [n.split()[-1] for n in names]


def test_every_score_can_be_shown(page: LabPage, explorer: Explorer) -> None:
    offered = explorer.score.locator("option").evaluate_all("all => all.map(o => o.value)")
    assert {"induction", "prefix_matching", "induction_logit"} <= set(offered)
    for score in offered:
        explorer.score.select_option(score)
        page.wait_until(
            lambda score=score: all(f" {score} " in name for name in explorer.names()), score
        )
        assert not any("not computed" in name for name in explorer.names())
        expect(explorer.figure).to_be_visible()


def test_python_moves_the_page(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    python.run("w.checkpoint = 3")
    expect(explorer.slider).to_have_value("3")
    python.run("w.heads = [[0, 0], [1, 2]]")
    expect(explorer.patterns).to_have_count(2)
    expect(explorer.cell("L1H2")).to_have_attribute("aria-selected", "true")
    python.run("w.score = 'first_token'")
    expect(explorer.score).to_have_value("first_token")
    page.wait_until(
        lambda: all("first_token" in name for name in explorer.names()), "cells named anew"
    )
    python.run("w.prompt = 'try: pass'")
    expect(explorer.prompt).to_have_value("try: pass")
    expect(explorer.tokens).to_have_count(python.value("len(w._prompts[0]['tokens'])"))
    python.run("w.heads = []")
    expect(explorer.patterns).to_have_count(0)


def test_what_javascript_may_not_set_is_refused_with_a_reason(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    python.run("w.set_state({'checkpoint': 10_000})")
    expect(explorer.alerts.filter(has_text="it must be a whole number")).to_be_visible()
    python.run("w._show_progress()")
    expect(explorer.alerts).to_have_count(1)
    explorer.slider.press("ArrowLeft")
    expect(explorer.alerts).to_have_count(0)
