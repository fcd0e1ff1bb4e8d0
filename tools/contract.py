"""Writes js/src/contract.gen.ts: what induction_explorer/analyses declares, in TypeScript."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import induction_explorer.analyses  # noqa: F401 (enters them)
from induction_explorer.analyses.one_pass import OnePass
from induction_explorer.contract import ANALYSES, RUNNING_PROMPT, Analysis, dtype_and_dims
from induction_kernels.scores.classes import CLASSES, THRESHOLD
from msgspec import inspect, structs

TARGET = Path(__file__).parents[1] / "js" / "src" / "contract.gen.ts"
_WIDTH = 110
_TYPED_ARRAYS = {"float32": "Float32Array", "int32": "Int32Array", "uint8": "Uint8Array"}

_HEAD = """\
/** What can be asked of a checkpoint. Written by `make contract`. */

/** Layer and head, both from 0: `[1, 6]` is L1H6. */
export type Head = [layer: number, head: number];
"""


def typescript() -> str:
    """The whole module, formatted as Biome does."""
    kinds = dict(sorted(ANALYSES.items()))
    lines = [_HEAD]
    lines += ["/** What a request of each kind says beside its series and checkpoints. */"]
    lines += ["export interface AnalysisParameters {"]
    for kind, one in kinds.items():
        lines += [*_doc(one), *_interface(kind, _parameters(one))]
    lines += ["}", ""]
    lines += [
        "/** What an answer holds: arrays of one checkpoint, or of several one after the other. */"
    ]
    lines += ["export interface AnalysisArrays {"]
    for kind, one in kinds.items():
        arrays = {name: _TYPED_ARRAYS[dtype_and_dims(a)[0]] for name, a in one.arrays.items()}
        lines += _interface(kind, arrays)
    lines += ["}", ""]
    lines += ["export type AnalysisKind = keyof AnalysisParameters;", ""]
    prompted = [f'"{kind}"' for kind, one in kinds.items() if one.of != "text"]
    lines += ["/** Those that depend on the prompt: a request names its generation. */"]
    lines += [*_list("export const OF_PROMPT = ", prompted, " as const;"), ""]
    at_once = [f'"{kind}"' for kind, one in kinds.items() if issubclass(one, OnePass)]
    lines += ["/** Those of them that one forward pass over it answers. */"]
    lines += [*_list("export const ONE_PASS = ", at_once, " as const;"), ""]
    lines += ["/** What computing it is called. */"]
    called = [f'  {kind}: "{one.doing or RUNNING_PROMPT}",' for kind, one in kinds.items()]
    lines += ["export const DOING = {", *called, "} as const;", ""]
    lines += ["/** Of each array the dtype, and its dims after that of checkpoints. */"]
    lines += ["export const ARRAYS = {"]
    for kind, one in kinds.items():
        declared = [
            f'{name}: "{" ".join([dtype, *dims])}"'
            for name, (dtype, dims) in ((n, dtype_and_dims(a)) for n, a in one.arrays.items())
        ]
        lines += _object(f"  {kind}: ", declared, ",")
    lines += ["} as const;", ""]
    lines += [
        "/** Of heads, in the order in which ties are broken; and the least that names one. */"
    ]
    lines += ["export const HEAD_CLASSES = ["]
    for one in CLASSES:
        said = {"name": one.name, "letter": one.letter, "title": one.title, "score": one.score}
        lines += _object("  ", [f'{key}: "{value}"' for key, value in said.items()], ",")
    lines += ["] as const;", f"export const CLASS_THRESHOLD = {THRESHOLD:g};", ""]
    return "\n".join(lines)


def _doc(one: type[Analysis]) -> list[str]:
    words = " ".join((one.__doc__ or "").split())
    text = textwrap.wrap(words, _WIDTH - 5)
    return (
        [f"  /** {text[0]} */"]
        if len(text) == 1
        else ["  /**", *(f"   * {t}" for t in text), "   */"]
    )


def _parameters(one: type[Analysis]) -> dict[str, str]:
    return {field.name: _type(inspect.type_info(field.type)) for field in structs.fields(one)}


def _interface(kind: str, fields: dict[str, str]) -> Iterator[str]:
    if not fields:
        yield f"  {kind}: Record<never, never>;"
        return
    whole = f"  {kind}: {{ {'; '.join(f'{name}: {t}' for name, t in fields.items())} }};"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"  {kind}: {{"
    for name, declared in fields.items():
        yield f"    {name}: {declared};"
    yield "  };"


def _object(start: str, entries: list[str], end: str) -> Iterator[str]:
    whole = f"{start}{{ {', '.join(entries)} }}{end}"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"{start}{{"
    for entry in entries:
        yield f"    {entry},"
    yield f"  }}{end}"


def _list(start: str, entries: list[str], end: str) -> Iterator[str]:
    whole = f"{start}[{', '.join(entries)}]{end}"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"{start}["
    for entry in entries:
        yield f"  {entry},"
    yield f"]{end}"


def _type(declared: inspect.Type) -> str:
    match declared:
        case inspect.Metadata():
            return (declared.extra_json_schema or {}).get("title") or _type(declared.type)
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.StrType():
            return "string"
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType(values=values):
            return " | ".join(f'"{value}"' for value in values)
        case inspect.UnionType(types=types):
            return " | ".join(map(_type, types))
        case inspect.VarTupleType(item_type=item):
            return f"{_type(item)}[]" if " " not in _type(item) else f"({_type(item)})[]"
    raise TypeError(f"{declared} has no TypeScript yet.")


if __name__ == "__main__":
    TARGET.write_text(typescript())
