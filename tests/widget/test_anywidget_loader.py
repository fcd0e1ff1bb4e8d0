"""What VS Code is handed where it finds no script of anywidget's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from induction_explorer import anywidget_loader


@pytest.fixture
def published(monkeypatch):
    """What is displayed, by the cell that runs: `published.run(cell, message)`."""
    shown: list[dict[str, str]] = []
    parent: dict[str, object] = {}
    shell = SimpleNamespace(
        kernel=SimpleNamespace(get_parent=lambda: parent),
        display_pub=SimpleNamespace(publish=shown.append),
    )
    monkeypatch.setattr(anywidget_loader, "get_ipython", lambda: shell)

    def run(cell: str | None, message: str) -> list[dict[str, str]]:
        parent.clear()
        parent.update(header={"msg_id": message}, metadata={"cellId": cell})
        anywidget_loader.hand_over()
        return shown

    return run


def test_once_a_cell_of_vscode(published) -> None:
    assert len(published("vscode-notebook-cell:/x.ipynb#W0", "1")) == 1
    assert len(published("vscode-notebook-cell:/x.ipynb#W0", "1")) == 1
    shown = published("vscode-notebook-cell:/x.ipynb#W0", "2")
    assert len(shown) == 2
    assert shown[0]["text/plain"] == ""
    assert 'window.define("anywidget"' in shown[0]["text/html"]
    assert shown[0]["text/html"].count("</script") == 1


def test_nowhere_else(published) -> None:
    assert published("6a1f", "1") == []
    assert published(None, "2") == []
