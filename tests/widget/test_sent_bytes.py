"""What a page is sent before its reader has touched anything: budgets, as for what is saved."""

from __future__ import annotations

import pytest
from front_end import connected
from induction_explorer import InductionExplorer, bundle, load_demo
from induction_explorer.channel.worker import SHARED

#: Bytes of the module, which comes once a page.
MODULE = 196_000
#: Of an explorer that knows nothing yet, and of all that it tells of 16 heads at 26 checkpoints,
#: the patterns of two among it; and of its largest message.
BEGINNING, IN_ALL, LARGEST = 30_000, 330_000, 60_000


def test_the_module_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(monkeypatch) as page:
        bundle.Module(**bundle.contents()).close()
    assert sum(page.sizes) <= MODULE


@pytest.mark.slow
def test_an_explorer_begins_small_and_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(monkeypatch) as page:
        bundle.module()  # which another test may have opened, elsewhere
        page.sizes.clear()
        with SHARED:  # no result comes meanwhile
            explorer = InductionExplorer(load_demo("attn-only-2l"))
            assert sum(page.sizes) <= BEGINNING
        explorer.wait()
        about = {"series": 0, "generation": 1, "checkpoints": list(range(26))}
        questions = [{"kind": "predictions"}]
        questions += [{"kind": "patterns", "head": head} for head in explorer.heads]
        for number, question in enumerate(questions):
            explorer._handle_custom_msg({"id": str(number)} | question | about, [])
        explorer.wait()
        explorer.close()
    assert sum(page.sizes) <= IN_ALL
    assert max(page.sizes) <= LARGEST
