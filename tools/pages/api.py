"""The page of the API as Markdown, from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import induction_explorer
import induction_kernels
from induction_kernels import errors, plots

_BEGINNING = """\
# API

Made by `make docs` from the docstrings. `Float[Tensor, 'layer head']` is a tensor with the dims
layer and head; losses are in nats, attention is from 0 to 1, positions count from 0. `SCORES` and
`MEASURES` are [a page of their own](scores.md).
"""
#: Data, which have a page of their own.
_DATA = {"SCORES", "MEASURES"}
#: What ipywidgets calls, not a reader.
_MACHINERY = {"open", "set_state"}
_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
_ITEM = re.compile(r"^(?P<name>[\w*, .\[\]]+)(?: \([^)]*\))?: (?P<text>.*)$")


def page() -> str:
    return "".join((_BEGINNING, *_entries()))


def public() -> Mapping[str, list[tuple[str, Any]]]:
    """What is public, by the package that it is imported from."""
    kernels = [n for n in induction_kernels.__all__ if n not in {*_DATA, "sweep", "load_demo"}]
    shared = set(induction_explorer.__all__)
    return {
        "induction_explorer": [(n, getattr(induction_explorer, n)) for n in sorted(shared)],
        "induction_kernels": [
            (n, getattr(induction_kernels, n)) for n in kernels if n not in shared
        ],
        "induction_kernels.plots": [(n, getattr(plots, n)) for n in plots.__all__],
        "induction_kernels.errors": [
            (n, one)
            for n, one in vars(errors).items()
            if inspect.isclass(one) and issubclass(one, errors.InductionError)
        ],
    }


def _entries() -> Iterator[str]:
    for package, names in public().items():
        yield f"\n## {package}\n"
        for name, one in names:
            yield from _entry(name, one, "###")
            if inspect.isclass(one) and not issubclass(one, Exception):
                for method, function in _methods(one):
                    yield from _entry(f"{name}.{method}", function, "####")


def _entry(name: str, one: Any, level: str) -> Iterator[str]:
    yield f"\n{level} `{name}`\n"
    if not (inspect.isclass(one) and issubclass(one, Exception)) and callable(one):
        yield f"\n```python\n{signature(name.rpartition('.')[2], one)}\n```\n"
    yield f"\n{as_markdown(documented(one))}\n"


def documented(one: Any) -> str:
    """Its docstring.

    Raises:
        ValueError: it has none of its own.
    """
    said = one.fget.__doc__ if isinstance(one, property) else one.__doc__
    if not said:
        raise ValueError(f"{one!r} is public and has no docstring.")
    return inspect.cleandoc(said)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """What the class itself has under public names, as it is written there."""
    for name, raw in vars(kind).items():
        one = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
        is_method = inspect.isfunction(one) or isinstance(one, property)
        if name.startswith("_") or name in _MACHINERY:
            continue
        if is_method and (one.fget if isinstance(one, property) else one).__doc__:
            yield name, one


def signature(name: str, one: Any) -> str:
    """As it would be written in Python, a parameter a line where one line is too short."""
    found = inspect.signature(one)
    parameters = [p for p in found.parameters.values() if p.name not in {"self", "cls"}]
    given_back = found.empty if inspect.isclass(one) else found.return_annotation
    gives = "" if given_back is found.empty else f" -> {_type(given_back)}"
    written = list(_written(parameters))
    line = f"{name}({', '.join(written)}){gives}"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in written) + f"){gives}"


def _written(parameters: list[inspect.Parameter]) -> Iterator[str]:
    named = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not named:
            yield "*"
        named = named or parameter.kind in {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL}
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        of = "" if parameter.annotation is parameter.empty else f": {_type(parameter.annotation)}"
        if parameter.default is parameter.empty:
            yield f"{stars}{parameter.name}{of}"
        else:
            yield f"{parameter.name}{of}{' = ' if of else '='}{parameter.default!r}"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def as_markdown(docstring: str) -> str:
    """Google's sections as lists; all else is Markdown as it stands."""
    lines: list[str] = []
    in_section = False
    for line in docstring.splitlines():
        if section := _SECTION.match(line):
            lines += [f"**{section[1]}**", ""]
            in_section = True
        elif in_section and line.startswith("    "):
            lines.append(_item(line[4:]))
        else:
            in_section = in_section and not line
            lines.append(line)
    return "\n".join(lines)


def _item(line: str) -> str:
    if line.startswith(" "):
        return f"  {line.strip()}"
    item = _ITEM.match(line)
    return f"- `{item['name']}`: {item['text']}" if item else f"- {line}"
