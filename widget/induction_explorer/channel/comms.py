"""Where in the kernel the messages of a page arrive."""

from __future__ import annotations

from typing import Any


def handle_where_addressed(comm: Any) -> None:
    """Let the messages of a comm be handled by the subshell that they are addressed to.

    ipykernel 7.4 sends them to the one that the comm's last answer went to instead. JupyterLab
    deletes its subshell with the page that had it; the next page would never be answered again.
    A message to a subshell that is gone is handled by the main shell, which always is there.
    """
    kernel = getattr(comm, "kernel", None)
    if kernel is None or not hasattr(comm, "_reply_subshell_for"):
        return

    def subshell_for(_data: Any, addressed: str | None) -> str | None:
        there = kernel.shell_channel_thread.manager.list_subshell()
        return addressed if addressed in there else None

    comm._reply_subshell_for = subshell_for
