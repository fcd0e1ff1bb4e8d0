"""anywidget's own loader, for VS Code where it finds none.

VS Code takes it from share/jupyter/nbextensions of a local kernel. For a remote one it asks the
Jupyter server, which has had no such place since Jupyter Server 2, and then a CDN. Whatever it
found, its widget manager asks require.js in the end: what an output has defined there is taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython import get_ipython

#: How the Jupyter extension names the cells of its notebooks and windows to the kernel.
_CELLS = "vscode-"
_SCRIPT = """\
<script>
if (window.define?.amd && !window.requirejs?.specified("anywidget"))
  ((define) => {{
{code}
  }})((needs, make) => window.define("anywidget", needs, make));
</script>"""

_last = ""


def hand_over() -> None:
    """Once a cell of VS Code, in an output that shows nothing; elsewhere do nothing."""
    global _last  # noqa: PLW0603 - the cell that runs in this process
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    parent: dict[str, Any] = {} if kernel is None else kernel.get_parent()
    cell = parent.get("metadata", {}).get("cellId") or ""
    run = parent.get("header", {}).get("msg_id", "")
    if not cell.startswith(_CELLS) or run == _last:
        return
    _last = run
    code = _code()
    if code:
        shell.display_pub.publish({"text/html": _SCRIPT.format(code=code), "text/plain": ""})


def _code() -> str:
    """The module that anywidget installs; "" where it is not found."""
    from jupyter_core.paths import jupyter_path  # every kernel has it; a page without one does not

    for folder in jupyter_path("nbextensions"):
        path = Path(folder) / "anywidget" / "index.js"
        if path.exists():
            return path.read_text().replace("</script", "<\\/script")
    return ""
