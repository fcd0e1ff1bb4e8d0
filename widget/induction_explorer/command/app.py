"""The commands, and what they have in common."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from induction_explorer.command.check import check
from induction_explorer.command.demo import demo
from induction_explorer.command.ends import broken, in_words
from induction_explorer.command.export import export
from induction_explorer.command.show import show
from induction_explorer.command.sweep import sweep


class _Commands(TyperGroup):
    """In the order in which a reader meets them; they end in words."""

    def invoke(self, ctx: Any) -> Any:
        with in_words():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Watch induction heads form: the attention heads of a transformer, at every checkpoint of "
    "its training. Begin with: induction-explorer demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, show, sweep, check, export):
    app.command()(command)


def main() -> None:
    try:
        app(prog_name="induction-explorer")
    except Exception:  # noqa: BLE001 - whatever it is, its exit code is no other end's
        broken()
