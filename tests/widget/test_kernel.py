"""An explorer in a real kernel, spoken to as JupyterLab does: comms, subshells, threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from kernel import Kernel, connect
from patience import PATIENCE

pytestmark = pytest.mark.slow

EXPLORER = """\
from induction_explorer import InductionExplorer, load_demo
w = InductionExplorer(load_demo("attn-only-1l").select([0, 12, 25]))
w.wait()
"""


class Front:
    """A page's end of the comm of the explorer `w`."""

    def __init__(self, connection_file: Path, comm: str) -> None:
        self._client = BlockingKernelClient(connection_file=str(connection_file))
        self._client.load_connection_file()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self._comm = comm
        self._count = 0

    def close(self) -> None:
        self._client.stop_channels()

    def create_subshell(self) -> str:
        return self._control("create_subshell_request", {})["subshell_id"]

    def delete_subshell(self, subshell: str) -> None:
        self._control("delete_subshell_request", {"subshell_id": subshell})

    def send(self, data: dict[str, Any], subshell: str | None = None) -> None:
        message = self._client.session.msg("comm_msg", {"comm_id": self._comm, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(message)

    def ask(self, subshell: str | None = None, **request: Any) -> dict[str, Any]:
        """The first answer to a request, or the kernel's error."""
        self._count += 1
        request = {"id": f"r{self._count}", **request}
        self.send({"method": "custom", "content": request}, subshell)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(Empty):
                error = self._client.get_shell_msg(timeout=0)
                if error["content"].get("status") == "error":
                    return error["content"]
            with suppress(Empty):
                content = self._client.get_iopub_msg(timeout=0.1)["content"]
                answer = content.get("data", {}).get("content", {})
                if answer.get("id") == request["id"]:
                    return answer
        raise AssertionError(f"no answer to {request}")

    def run(self, cell: str, code: str) -> None:
        """Run a cell of the notebook."""
        message = self._client.session.msg(
            "execute_request",
            {"code": code, "silent": False, "store_history": True, "user_expressions": {}},
            metadata={"cellId": cell},
        )
        self._client.shell_channel.send(message)
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                assert reply["content"]["status"] == "ok", reply["content"]
                return

    def _control(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        message = self._client.session.msg(kind, content)
        self._client.control_channel.send(message)
        while True:
            reply = self._client.get_control_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                assert reply["content"]["status"] == "ok", reply["content"]
                return reply["content"]


@pytest.fixture(scope="module")
def connection_file() -> Iterator[Path]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    yield Path(manager.connection_file)
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def python(connection_file: Path) -> Iterator[Kernel]:
    with connect(connection_file) as kernel:
        kernel.run(EXPLORER)
        yield kernel


@pytest.fixture
def front(connection_file: Path, python: Kernel) -> Iterator[Front]:
    front = Front(connection_file, python.value("w.comm.comm_id"))
    yield front
    front.close()


GRID = {"kind": "rows", "series": 0, "of": "grids", "name": "first_token", "checkpoints": [0]}


def test_a_page_is_answered_after_the_subshell_of_the_last_one_is_gone(
    front: Front, python: Kernel
) -> None:
    first = front.create_subshell()
    for _ in range(2):
        assert front.ask(first, **GRID)["done"]
    front.delete_subshell(first)
    second = front.create_subshell()
    assert front.ask(second, **GRID)["done"]
    python.run("w.comm._reply_subshell_id = 'gone'")
    assert front.ask(second, **GRID)["done"]
    assert front.ask(**GRID)["done"]
    front.delete_subshell(second)
    assert front.ask(second, **GRID)["done"]


def test_a_page_is_answered_while_a_cell_runs(front: Front, python: Kernel) -> None:
    page = front.create_subshell()
    heads = [(0, 0), (0, 1)]
    python.run("w.prompt = 'x = 1; x = 2; x ='; w.wait()")
    asked = {"series": 0, "generation": python.value("w._prompts[0]['generation']")}
    wiring = {"kind": "ablation_grid", "series": 0, "how": "zero", "checkpoints": [2]}
    with python.busy():
        for head in heads:
            patterns = {"kind": "patterns", "head": head, "checkpoints": [2]}
            assert front.ask(page, **asked, **patterns)["done"]
        # Has to be computed: this is the first of its parts.
        assert front.ask(page, **wiring)["body"]["checkpoints"] == [2]
    front.delete_subshell(page)


def test_an_explorer_made_on_a_thread_answers(python: Kernel, connection_file: Path) -> None:
    python.run(
        "import threading\n"
        "def make():\n"
        "    global made\n"
        "    made = InductionExplorer(load_demo('attn-only-1l').select([0]))\n"
        "thread = threading.Thread(target=make); thread.start(); thread.join()"
    )
    front = Front(connection_file, python.value("made.comm.comm_id"))
    asked = {"series": 0, "generation": python.value("made._prompts[0]['generation']")}
    assert front.ask(**asked, kind="predictions", checkpoints=[0])["done"]
    front.close()


NEW = "InductionExplorer(load_demo('attn-only-1l').select([0]))"
WIDGETS = """\
from ipywidgets.widgets.widget import _instances
living = lambda: sum(isinstance(one, InductionExplorer) for one in _instances.values())
"""


@pytest.fixture
def living(python: Kernel) -> Iterator[Callable[[], int]]:
    """How many explorers there are, beside those of other tests."""
    python.run(WIDGETS)
    before = python.value("living()")
    yield lambda: python.value("living()") - before
    python.run(
        "for one in list(_instances.values()):\n"
        "    if isinstance(one, InductionExplorer) and one is not w: one.close()"
    )


@pytest.mark.parametrize(
    "code",
    [
        f"shown = {NEW}\ndisplay(shown)",
        f"shown = {NEW}\nshown",
        NEW,
        f"display({NEW})",
        (
            f"def show():\n    made = {NEW}\n    made.observe(lambda change: None, 'heads')\n"
            "    display(made)\nshow()"
        ),
        f"shown = {NEW}\nshown.set_state({{'checkpoint': 77}})\nshown",
    ],
)
def test_a_cell_run_again_closes_what_it_showed(
    code: str, front: Front, python: Kernel, living: Callable[[], int]
) -> None:
    front.run("a", code)
    assert living() == 1
    widgets = python.value("len(_instances)")
    for _ in range(3):
        front.run("a", code)
    assert living() == 1
    assert python.value("len(_instances)") == widgets
    assert python.value("sum(isinstance(one, InductionExplorer) for one in Out.values())") <= 1


def test_what_another_cell_shows_stays(
    front: Front, python: Kernel, living: Callable[[], int]
) -> None:
    front.run("a", f"shown = {NEW}")
    front.run("b", "shown")
    front.run("c", "shown")
    front.run("a", f"shown = {NEW}")
    assert living() == 2
    front.run("b", "shown")
    assert living() == 2
    front.run("c", "shown")
    assert living() == 1


@pytest.mark.parametrize(
    "code",
    [
        f"kept.append({NEW})\ndisplay(kept[-1])",
        f"kept.append(VBox([{NEW}]))\ndisplay(kept[-1])",
        f"kept.append({NEW}.wait)",
        f"kept.append((one for one in [{NEW}]))",
        f"with out:\n    display({NEW})",
    ],
)
def test_what_someone_holds_or_may_see_stays(
    code: str, front: Front, python: Kernel, living: Callable[[], int]
) -> None:
    python.run("from ipywidgets import Output, VBox\nkept, out = [], Output()")
    for _ in range(3):
        front.run("a", code)
    assert living() == 3
    front.run("other", "1 + 1")
    assert living() == 3
    if "kept" in code and "VBox" not in code:
        front.run("a", "kept.clear()")
        assert living() == 0


def test_what_nobody_holds_or_sees_is_closed(
    front: Front, python: Kernel, living: Callable[[], int]
) -> None:
    front.run("a", f"{NEW}; 1")
    assert living() == 0
    front.run("a", f"shown = {NEW}")
    assert living() == 1
    front.run("b", "del shown")
    assert living() == 0


def test_a_cell_run_again_goes_on_from_what_is_computed(
    front: Front, python: Kernel, living: Callable[[], int]
) -> None:
    front.run("a", f"series = load_demo('attn-only-1l').select([0, 12])\n{NEW}")
    front.run("b", "shown = InductionExplorer(series); shown.wait(); display(shown)")
    front.run("b", "shown = InductionExplorer(series); scored = shown._session._scored; shown")
    assert python.value("scored") == {0, 1}
    assert living() == 2
