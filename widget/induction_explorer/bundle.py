"""The built JavaScript, in the form in which it crosses the wire: once.

A widget's state carries its module, and a page that is loaded again gets the states of all widgets
in one message, of which 1 MiB is the limit. So explorers carry a few lines that find the module,
and it has a widget of its own, which is saved with the notebook as they are.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from pathlib import Path

import traitlets
from ipywidgets import Widget

_STATIC = Path(__file__).parent / "static"


class Module(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """What js/src/kernel/loader.ts loads: `code`, an ES module, and `styles`, both packed; equal
    versions are equal."""

    version = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    styles = traitlets.Unicode().tag(sync=True)


def loader() -> str:
    """The ES module of every explorer.

    Raises:
        ImportError: there is no bundle, as in a clone that was not built.
    """
    path = _STATIC / "loader.js"
    if not path.exists():
        raise ImportError(
            f"The widget's bundle {path} is missing. In a clone, build it with `make build` (it "
            "needs Node.js 20 or newer); an installed wheel contains it, so install the package "
            "again."
        )
    return path.read_text()


_module: Module | None = None


def module() -> Module:
    """The one that all explorers of this kernel share; another when someone closed it."""
    global _module  # noqa: PLW0603 - what a kernel has one of
    if _module is None or _module.comm is None:
        _module = Module(**contents())
    return _module


@cache
def contents() -> dict[str, str]:
    """Of the module: what js/src/kernel/loader.ts asks for where a page was not told of it."""
    code, styles = (_STATIC / "widget.js").read_bytes(), (_STATIC / "widget.css").read_bytes()
    return {
        "version": hashlib.sha256(code + styles).hexdigest(),
        "code": _packed(code),
        "styles": _packed(styles),
    }


def _packed(text: bytes) -> str:
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()
