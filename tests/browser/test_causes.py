"""Ablations and wiring, linked with the rest: what is pointed at, selected and scrubbed."""

from __future__ import annotations

import pytest
from kernel import Kernel
from labpage import LabPage
from notebooks import LAST, LITTLE_TEXT, Head, signed
from parts import Explorer
from playwright.sync_api import Locator, expect

FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


#: Ablations of heads together take many passes, at each of them.
FEW = f"{LITTLE_TEXT}w = InductionExplorer(series.select([0, -1]), texts=texts)\nw.wait()"


@pytest.fixture
def causes(page: LabPage, explorer: Explorer, python: Kernel, induction: Head) -> Explorer:
    """The induction head selected at the last checkpoint."""
    python.run(f"w.wait(); w.heads = [{[*induction]}]")
    explorer.slider.press("End")
    last = explorer.slider.get_attribute("max")
    page.wait_until(lambda: python.value("str(w.checkpoint)") == last, "the slider")
    return explorer


def tab(explorer: Explorer, title: str) -> Locator:
    explorer.root.get_by_role("tab", name=title, exact=True).click()
    expect(explorer.measure).to_have_accessible_name(title)
    return explorer.measure


@pytest.mark.parametrize("page", [FEW], indirect=True, ids=["few"])
def test_selecting_in_the_effects_ablates_the_heads_together(
    page: LabPage, causes: Explorer, python: Kernel, induction: Head, previous_token: Head
) -> None:
    panel = tab(causes, "Ablation")
    cell = panel.get_by_role("grid", name="Ablation effects").get_by_role(
        "gridcell", name=f"{previous_token.name} loss change"
    )
    cell.click(modifiers=["Shift"])
    both = [[*induction], [*previous_token]]
    page.wait_until(lambda: python.value("w.heads") == both, "the selection")
    expect(causes.cell(previous_token.name)).to_have_attribute("aria-selected", "true")
    names = f"{induction.name} + {previous_token.name}"
    expect(panel.get_by_text(names, exact=True)).to_be_visible()
    python.run(
        "from induction_kernels import ablate, load_demo;"
        f"found = ablate(load_demo('attn-only-2l').load(-1), {both}, texts)"
    )
    change = python.value("found.loss_change")
    expect(panel.get_by_role("table")).to_contain_text(signed(change))
    beaten = python.value("int((abs(found.control_loss) < abs(found.loss_change)).sum())")
    said = "larger than all 20" if beaten == 20 else f"larger than {beaten} of 20"
    expect(panel).to_contain_text(f"Loss rises by {change:.3f}: {said} random draws.")
    expect(panel.get_by_role("figure").locator(".ie-measure-rule")).to_have_count(2)


@pytest.mark.parametrize("page", [FEW], indirect=True, ids=["few"])
def test_estimates_stand_beside_the_heads_that_are_ablated(
    page: LabPage, causes: Explorer, python: Kernel
) -> None:
    figure = tab(causes, "Ablation").get_by_role("figure", name="Estimated ablations")
    python.run(
        "from induction_kernels import compare_patching, load_demo;"
        "found = compare_patching(load_demo('attn-only-2l').load(-1), top=5)"
    )
    estimated = python.value("float(found.estimated_change[0, 4])")
    cells = figure.get_by_role("grid", name="Attribution patching estimates")
    expect(
        cells.get_by_role("gridcell", name=f"L0H4 estimated induction loss change {estimated:.3f}")
    ).to_be_visible()
    figure.get_by_role("combobox", name="Ablate exactly").select_option("the 5 largest")
    pearson, spearman = (python.value(f"found.attrs['{one}']") for one in ("pearson", "spearman"))
    said = (
        f"The 5 heads that were ablated: estimated and measured changes correlate by {pearson:.2f}"
    )
    expect(figure).to_contain_text(f"{said} (Pearson), their ranks by {spearman:.2f} (Spearman).")
    expect(figure.locator("svg [data-mark=dot] circle")).to_have_count(5)


def test_what_replaces_a_head_is_part_of_the_view(
    page: LabPage, causes: Explorer, python: Kernel, induction: Head
) -> None:
    panel = tab(causes, "Ablation")
    panel.get_by_role("combobox", name="Replace by").select_option("mean")
    panel.get_by_role("checkbox", name="Keep patterns").check()
    page.wait_until(
        lambda: (
            python.value("w.view.get('tabs', {}).get('ablation')")
            == {"how": "mean", "frozen": True}
        ),
        "the trait",
    )
    python.run(
        "from induction_kernels import ablate, load_demo;"
        f"model = load_demo('attn-only-2l').load(-1);"
        f"found = ablate(model, [{(*induction,)}], kind='mean', frozen=True)"
    )
    change = python.value("found.loss_change")
    expect(panel.get_by_role("table")).to_contain_text(signed(change))


def test_pointing_at_a_feeder_lights_its_cell_and_clicking_adds_it(
    page: LabPage, causes: Explorer, python: Kernel, induction: Head, previous_token: Head
) -> None:
    panel = tab(causes, "Wiring")
    picture = panel.get_by_role("img", name=f"{induction.name}, induction")
    expect(picture).to_be_visible()
    feeder = panel.locator("[data-head='{},{}']".format(*previous_token))
    feeder.hover()
    expect(causes.cell(previous_token.name)).to_have_class("ie-cell ie-cell-hovered")
    expect(panel.locator(".ie-tip")).to_contain_text(f"{previous_token.name} effect −")
    feeder.click()
    both = [[*previous_token], [*induction]]
    page.wait_until(lambda: python.value("w.heads") == both, "the selection")
    expect(picture).to_be_visible()
    other = f"L0H{(previous_token.head + 1) % 8}"
    causes.cell(other).hover()
    expect(panel.locator(".ie-tip")).to_contain_text(f"{other} effect")


def test_scrubbing_moves_the_wiring_without_the_kernel(
    page: LabPage, causes: Explorer, python: Kernel, induction: Head
) -> None:
    panel = tab(causes, "Wiring")
    expect(panel.get_by_role("table")).to_be_visible()
    expect(panel.get_by_text("of 12 checkpoints")).to_have_count(0)
    page.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
    score = panel.locator(".ie-wiring-score")
    seen = []
    with python.busy():
        for stop in (0, 5, 7, LAST):
            causes.slider.fill(str(stop))
            expect(causes.slider).to_have_value(str(stop))
            page.page.evaluate(FRAMES)
            seen.append(score.text_content())
    assert len(set(seen)) == len(seen)
    python.run(f"_of_head = head_scores(series.load({LAST}), 'induction').induction")
    assert seen[-1] == f"induction {python.value(f'float(_of_head[{(*induction,)}])'):.3f}"
