"""The measures of the whole model: tabs, and a chart that follows the slider."""

from __future__ import annotations

import pytest
from kernel import Kernel
from labpage import LabPage
from notebooks import LAST, Head, signed
from parts import Explorer
from playwright.sync_api import expect

MEASURES = ["Loss", "In-context learning", "Loss by position", "Induction loss", "Head classes"]
TITLES = [
    *MEASURES,
    "Loss PCA",
    "Scatter",
    "Passage",
    "Answer",
    "Attribution",
    "Head on text",
    "Ablation",
    "Wiring",
]

#: Which change came first can be told from all checkpoints only; of the text, a tenth will do.
ALL = """\
from induction_kernels.inputs.texts import TextProbe
series = load_demo("attn-only-2l")
reader = series.replica(private=True).model(-1)
w = InductionExplorer(series, texts=TextProbe.default(reader, rows=24))
w.wait()"""


def test_tabs_by_mouse_and_keyboard(page: LabPage, explorer: Explorer) -> None:
    expect(explorer.measures).to_have_text(TITLES)
    expect(explorer.measure.get_by_role("figure")).to_be_visible()
    active = page.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    explorer.measures.nth(1).click()
    expect(explorer.measures.nth(1)).to_have_attribute("aria-selected", "true")
    expect(explorer.measure).to_have_accessible_name("In-context learning")
    page.page.keyboard.press("ArrowRight")
    expect(explorer.measures.nth(2)).to_be_focused()
    expect(explorer.measure).to_have_accessible_name("Loss by position")
    expect(active).to_contain_text("display(w)")
    for _ in range(len(TITLES) - 2):
        page.page.keyboard.press("ArrowRight")
    expect(explorer.measure).to_have_accessible_name("Loss")


def test_the_value_follows_the_slider(page: LabPage, explorer: Explorer, python: Kernel) -> None:
    explorer.measures.first.click()
    python.run("w.wait()")
    python.run(
        "import numpy as np; sent = w._measures['0/loss'];"
        "losses = [float(x) for x in np.frombuffer(sent['data'], np.float32)]"
    )
    losses = python.value("losses")
    last = len(losses) - 1
    value = explorer.measure.locator(".ie-measure-value")
    for stop in (last, 0, 6):
        explorer.slider.fill(str(stop))
        expect(value).to_have_text(f"{losses[stop]:.3f}")


def test_clicking_the_chart_jumps_to_a_checkpoint(page: LabPage, explorer: Explorer) -> None:
    explorer.measures.first.click()
    chart = explorer.measure.locator(".ie-chart")
    expect(chart).to_be_visible()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.page.mouse.click(box["x"] + 48, box["y"] + box["height"] / 2)
    expect(explorer.slider).to_have_value("0")


def tab(explorer: Explorer, title: str) -> None:
    explorer.root.get_by_role("tab", name=title, exact=True).click()
    expect(explorer.measure).to_have_accessible_name(title)


@pytest.mark.parametrize("page", [ALL], indirect=True, ids=["all"])
def test_the_phase_change_is_shaded_said_and_dragged(
    page: LabPage, explorer: Explorer, python: Kernel, induction: Head
) -> None:
    python.run("w.wait()")
    tab(explorer, "In-context learning")
    said = explorer.root.locator(".ie-phase")
    expect(explorer.root.locator(".ie-formation")).to_contain_text(
        "Induction heads form between 6."
    )
    expect(said).to_contain_text("Phase change 6.")
    expect(explorer.root.locator(".ie-formation")).to_contain_text(induction.name)
    explorer.root.get_by_text("How this was tested").click()
    tested = explorer.root.locator(".ie-tested")
    expect(tested).to_contain_text(f"prefix matching {induction.name}")
    explorer.root.get_by_text("Which came first").click()
    order = explorer.root.get_by_role("table", name="Order of the changes").get_by_role("row")
    expect(order.nth(1)).to_contain_text("turn of the path of losses")
    expect(order).to_have_count(1 + python.value("len(w._phases[0]['order'])"))
    found = python.value("w._phases[0]['window']['from']")
    start = explorer.measure.get_by_role("slider", name="Window start").first
    assert float(start.get_attribute("aria-valuenow") or 0) == found
    start.focus()
    page.page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("drawn by hand")
    page.wait_until(lambda: python.value("w.view.get('window')") is not None, "the trait")
    assert python.value("w.view['window'][0]") < found
    bands = explorer.root.locator(".ie-band")
    expect(bands).to_have_count(3)  # the heads' curves and both figures of the tab
    explorer.root.get_by_role("button", name="as found").first.click()
    expect(said).not_to_contain_text("drawn by hand")


def test_a_drag_brushes_checkpoints_and_play_stays_inside(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    tab(explorer, "Loss")
    chart = explorer.measure.locator(".ie-chart")
    expect(chart).to_be_visible()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    mouse, y = page.page.mouse, box["y"] + 40
    before = explorer.slider.input_value()
    mouse.move(box["x"] + 0.3 * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + 0.55 * box["width"], y, steps=5)
    mouse.up()
    assert explorer.slider.input_value() == before
    # Where it was let go; the trait hears of the drag on its way too.
    page.wait_until(lambda: (python.value("w.view.get('brush')") or [0, 0])[1] == 9, "the trait")
    first, last = python.value("w.view['brush']")
    assert first < last
    explorer.play.click()
    expect(explorer.play).to_be_visible()
    expect(explorer.slider).to_have_value(str(last))
    explorer.root.get_by_role("button", name="all", exact=True).click()
    page.wait_until(lambda: python.value("w.view.get('brush')") is None, "the trait")


def test_one_line_of_python_restores_the_view(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    tab(explorer, "Passage")
    explorer.root.get_by_role("button", name="log", exact=True).first.click()
    explorer.slider.fill("8")
    explorer.root.get_by_role("button", name="Compare", exact=True).click()
    page.wait_until(lambda: python.value("w.view.get('x_scale')") == "log", "the scale")
    page.wait_until(lambda: python.value("w.compare") == 4, "the second handle")
    python.run("saved = w.view")
    tab(explorer, "Wiring")
    explorer.slider.fill("3")
    page.wait_until(lambda: python.value("w.checkpoint") == 3, "the slider")
    python.run("w.view = saved")
    expect(explorer.measure).to_have_accessible_name("Passage")
    expect(explorer.slider).to_have_value("8")
    expect(explorer.root.get_by_role("slider", name="Compare with")).to_have_value("4")


def test_a_clicked_token_is_followed_through_training(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    tab(explorer, "Passage")
    explorer.slider.fill("9")
    python.run("w.compare = 5")
    expect(explorer.measure.get_by_role("listbox", name="Change of loss")).to_be_visible()
    losses = explorer.measure.get_by_role("listbox", name="Loss", exact=True)
    expect(explorer.measure.locator(".ie-passage-title").first).to_contain_text("mean ")
    losses.get_by_role("option").nth(9).click()
    page.wait_until(
        lambda: python.value("w.view.get('tabs', {}).get('passage', {}).get('tokens')") == [9],
        "the token",
    )
    expect(explorer.measure.locator("svg text", has_text="9 ").first).to_be_visible()
    said = explorer.measure.locator(".ie-status")
    losses.get_by_role("option").nth(9).hover()
    python.run(
        "from induction_kernels import token_losses; import torch;"
        "ids = torch.tensor([w._prompts[0]['ids']]);"
        "known = [float(token_losses(series.load(i), ids)[0, 8]) for i in (9, 5)]"
    )
    now, before = python.value("known")
    expect(said).to_contain_text(f"{now:.3f} nats, {before:.3f} at the other checkpoint")


def test_a_locked_token_says_its_loss_and_who_attends_to_it(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    explorer.slider.fill(str(LAST))
    explorer.tokens.nth(9).click()
    said = explorer.root.locator(".ie-locked-token")
    python.run(
        "from induction_kernels import attention_patterns, token_losses, load_demo; import torch;"
        "model = load_demo('attn-only-2l').load(-1); ids = torch.tensor([w._prompts[0]['ids']]);"
        "loss = float(token_losses(model, ids)[0, 8]);"
        "every = [(l, h) for l in range(2) for h in range(8)];"
        "paid = attention_patterns(model, ids, every)[:, 10:, 9].mean(1);"
        "best = every[int(paid.argmax())]"
    )
    loss, (layer, head) = python.value("[loss, best]")
    expect(said).to_contain_text(f"loss {loss:.3f} nats")
    expect(said.get_by_role("button").nth(1)).to_have_text(f"L{layer}H{head}")
    said.get_by_role("button", name="over training").click()
    expect(explorer.measure).to_have_accessible_name("Passage")
    page.wait_until(
        lambda: python.value("w.view.get('tabs', {}).get('passage', {}).get('tokens')") == [9],
        "the token",
    )


def test_a_hovered_curve_shows_its_pattern_at_that_checkpoint(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    python.run("w.heads = [[0, 0]]")
    chart = explorer.root.locator(".ie-curves .ie-chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 30)
    preview = explorer.root.get_by_role("img", name="Pattern of L1H")
    expect(preview).to_be_visible()
    assert python.value("w.heads") == [[0, 0]]


def test_scatter_and_grid_light_up_together(
    page: LabPage, explorer: Explorer, python: Kernel
) -> None:
    tab(explorer, "Scatter")
    expect(explorer.measure.locator("canvas")).to_be_visible()
    explorer.cell("L1H2").hover()
    expect(explorer.measure.locator(".ie-tip")).to_contain_text("L1H2")
    explorer.measure.get_by_role("combobox", name="Against").select_option("ov_copying")
    page.wait_until(
        lambda: (
            python.value("w.view.get('tabs', {}).get('scatter', {}).get('against')") == "ov_copying"
        ),
        "the trait",
    )
    explorer.cell("L1H0").hover()
    expect(explorer.measure.locator(".ie-tip")).to_contain_text("OV copying")


def test_ablation_says_what_the_kernel_found(
    page: LabPage, explorer: Explorer, python: Kernel, induction: Head
) -> None:
    python.run(f"w.heads = [{[*induction]}]")
    explorer.slider.fill(str(LAST))
    tab(explorer, "Ablation")
    effects = explorer.measure.get_by_role("grid", name="Ablation effects")
    cell = effects.get_by_role("gridcell", name=f"{induction.name} loss change")
    python.run(
        "from induction_kernels import ablate, load_demo;"
        f"found = ablate(load_demo('attn-only-2l').load(-1), [{(*induction,)}])"
    )
    change, least = python.value("[found.loss_change, float(min(found.control_loss))]")
    expect(cell).to_have_accessible_name(f"{induction.name} loss change {change:.3f}")
    table = explorer.measure.get_by_role("table", name="Ablation of the selected heads")
    expect(table).to_contain_text(signed(change))
    expect(table).to_contain_text(f"{signed(least)} to")
    effects.get_by_role("gridcell", name="L0H3").click()
    page.wait_until(lambda: python.value("w.heads") == [[0, 3]], "the selection")


def test_wiring_follows_the_slider(
    page: LabPage, explorer: Explorer, python: Kernel, induction: Head, previous_token: Head
) -> None:
    python.run(f"w.heads = [{[*induction]}]")
    tab(explorer, "Wiring")
    explorer.slider.fill(str(LAST))
    rows = explorer.measure.get_by_role("table", name="Heads that feed it").locator("tbody tr")
    expect(rows.first).to_contain_text(previous_token.name)
    python.run("_of_head = head_scores(series.load(-1), 'induction').induction")
    formed = f"induction {python.value(f'float(_of_head[{(*induction,)}])'):.3f}"
    expect(explorer.measure.get_by_text(formed)).to_be_visible()
    explorer.slider.fill("2")
    expect(explorer.measure.get_by_text(formed)).to_have_count(0)
    python.run(f"w.heads = [{[*previous_token]}]")
    expect(explorer.measure).to_contain_text("no earlier head can feed it")
