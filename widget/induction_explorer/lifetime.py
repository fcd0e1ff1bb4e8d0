"""How long an explorer lives: while someone holds it, or a cell shows it.

ipywidgets holds every widget for ever, for a page may show it without anyone's knowing. Here it is
known: an explorer is shown by the cells that displayed it when they ran last. A cell that runs
again shows it no more, and an explorer that no cell shows and no variable holds closes itself.
Inside an explorer nothing may hold it therefore, so that the last reference is the reader's.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

from IPython import get_ipython
from ipywidgets.widgets.widget import _instances

from induction_explorer.channel.work import Work
from induction_explorer.channel.worker import SHARED

_log = logging.getLogger(__name__)

#: Explorers by the cell that shows them; under "" those that may be seen anywhere.
_shown: dict[str, list[Any]] = {}
#: Those that the cell that runs has displayed.
_displayed: list[weakref.ref[Any]] = []
#: What each explorer has to do.
_living: weakref.WeakKeyDictionary[Any, Work] = weakref.WeakKeyDictionary()


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that does not keep its object alive; without it, nothing happens."""
    found = weakref.WeakMethod(method)

    def call(*args: Any) -> Any:
        alive = found()
        return None if alive is None else alive(*args)

    return call


def begin(explorer: Any, work: Work) -> None:
    """A new explorer, which nobody sees yet."""
    with SHARED:
        _living[explorer] = work
    shell = get_ipython()
    if shell is not None:
        _follow(shell)


def show(explorer: Any) -> None:
    """The cell that runs displays it."""
    with SHARED:
        place = _place()
        if place is not None:
            _shown.setdefault(place, []).append(explorer)
            _displayed.append(weakref.ref(explorer))
        _living[explorer].watched = True


def end(explorer: Any) -> None:
    """It is closed: nobody sees it any more."""
    with SHARED:
        _living.pop(explorer, None)
        for explorers in _shown.values():
            explorers[:] = [one for one in explorers if one is not explorer]
        _forget_output(explorer)


def _place() -> str | None:
    """Where something that is displayed now is to be seen: a cell's id, or "" where nobody knows;
    None outside of notebooks."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    captured = any(getattr(widget, "msg_id", "") for widget in list(_instances.values()))
    return "" if captured else kernel.get_parent().get("metadata", {}).get("cellId") or ""


@cache
def _follow(shell: Any) -> None:
    """Hear of every cell that runs from now on."""
    shell.events.register("pre_run_cell", _cell_begins)
    shell.events.register("post_run_cell", _cell_ends)


def _cell_begins(info: Any) -> None:
    """What it showed is gone from the page. It lives until the cell ends: the explorer that takes
    its place goes on from what it has computed."""
    with SHARED:
        while gone := _shown.get(info.cell_id):
            _hide(gone.pop())


def _hide(explorer: Any) -> None:
    if not any(explorer is one for others in _shown.values() for one in others):
        _living[explorer].watched = False
        _forget_output(explorer)


def _cell_ends(_result: Any) -> None:
    """Leave pictures of what it displayed, and take from ipywidgets what is not shown; what nobody
    else holds closes itself."""
    with SHARED:
        _leave_pictures()
        unseen = [one.model_id for one, work in _living.items() if not work.watched]
        for model in [model for model in unseen if model in _instances]:
            explorer = weakref.ref(_instances.pop(model))
            if (held := explorer()) is not None:
                _instances[model] = held
            del held


def _leave_pictures() -> None:
    """In the order in which the cell displayed explorers; none of those that are gone again."""
    for one in dict.fromkeys(explorer for each in _displayed if (explorer := each()) is not None):
        try:
            one.leave_picture()
        except Exception:  # noqa: BLE001 - what the cell has to show is there
            _log.exception("Induction Explorer could not draw a picture of an explorer.")
    _displayed.clear()


def _forget_output(explorer: Any) -> None:
    """IPython remembers what cells returned; not what is no longer to be seen."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "displayhook"):
        return
    outputs = shell.user_ns.get("_oh", {})
    numbers = [number for number, output in outputs.items() if output is explorer]
    for number in numbers:
        del outputs[number]
    for names in (shell.user_ns, shell.user_ns_hidden, vars(shell.displayhook)):
        for number in numbers:
            names.pop(f"_{number}", None)
        for last in ("_", "__", "___"):
            if names.get(last) is explorer:
                names[last] = ""
