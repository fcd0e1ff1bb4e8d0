"""What can be asked of a checkpoint: each analysis declares its name, parameters, arrays and cost.

A message is checked by what its struct declares, and js/src/contract.gen.ts is written from it
(tools/contract.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
import numpy as np
from induction_kernels.errors import SelectionError
from msgspec import Meta, inspect

if TYPE_CHECKING:
    from induction_explorer.series.at import At
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt
    from induction_explorer.series.session import SeriesSession

#: Arrays of one checkpoint by name.
Arrays = dict[str, np.ndarray]
#: After every pass a function that gives what is known, NaN elsewhere; the last gives the answer.
Steps = Generator[Callable[[], Arrays], None, None]

#: Counted from 0.
Index = Annotated[int, Meta(ge=0)]
Head = Annotated[
    tuple[Index, Index],
    Meta(title="Head", description="[layer, head], two whole numbers from 0"),
]

#: What computing that is called which one pass over the prompt answers.
RUNNING_PROMPT = "Running the prompt"

DTYPES = ("float32", "int32", "uint8")


class Analysis(msgspec.Struct, frozen=True):
    """Whatever has named arrays at a checkpoint. Its fields are what a request says of it; two with
    equal fields ask the same.

    Attributes:
        kind: its name on the wire.
        of: what its answers depend on, beside the checkpoint.
        doing: what computing it is called; "" of what takes one pass.
        after_scores: whether it waits until all checkpoints are scored, unless a reader insists.
        arrays: their dims after that of checkpoints; float32 unless a dtype stands before them.
    """

    kind: ClassVar[str]
    of: ClassVar[Literal["text", "prompt", "answer"]] = "text"
    doing: ClassVar[str] = ""
    after_scores: ClassVar[bool] = False
    arrays: ClassVar[Mapping[str, str]]

    def check(self, session: Known, prompt: Prompt | None) -> None:
        """Whether this series, or its prompt, has what is asked about.

        Raises:
            InductionError: it has not; says what it has.
        """

    def passes(self, session: SeriesSession) -> int:
        """Forward passes at one checkpoint, about: as many as there are steps."""
        return 1

    def counting(self, session: SeriesSession) -> Callable[[int], str] | None:
        """Says how far so many passes are, where there is something better to count than those."""
        return None

    def tokens(self, session: SeriesSession) -> int:
        """Tokens that a pass runs, in the mean; 0 for the prompt's, which are few."""
        return 0

    def steps(self, at: At) -> Steps:
        """Pass after pass. Between two of them other weights may be put into the model and taken
        out again."""
        raise NotImplementedError

    def kept(self, session: Known, checkpoint: int) -> Arrays | None:
        """An answer that the series keeps itself; None of most."""
        return None

    def tell(self, session: SeriesSession) -> None:
        """An answer is there, and others than those who asked may want to know; with SHARED."""

    def words(self, session: Known, found: list[Arrays]) -> dict[str, Any]:
        """What a reply says beside arrays that hold these."""
        return {}


A = TypeVar("A", bound=type[Analysis])

ANALYSES: dict[str, type[Analysis]] = {}


def analysis(kind: str) -> Callable[[A], A]:
    """Enters an analysis under its name on the wire."""

    def enter(declared: A) -> A:
        declared.kind = kind
        ANALYSES[kind] = declared
        return declared

    return enter


def dtype_and_dims(declared: str) -> tuple[str, list[str]]:
    """Of one of `Analysis.arrays`."""
    words = declared.split()
    return (words[0], words[1:]) if words[:1] and words[0] in DTYPES else ("float32", words)


S = TypeVar("S", bound=msgspec.Struct)


def read(struct: type[S], kind: str, message: Mapping[str, Any]) -> S:
    """A message as the struct that declares it; what the struct does not have is left aside.

    Raises:
        SelectionError: a field that is missing or is not what it may be.
    """
    fields = msgspec.structs.fields(struct)
    for field in fields:
        allowed = in_words(inspect.type_info(field.type))
        if field.name not in message:
            if field.required:
                raise SelectionError(
                    f"A request of kind {kind!r} came without {field.name!r}.",
                    f"It must be {allowed}.",
                )
            continue
        try:
            msgspec.convert(message[field.name], field.type)
        except msgspec.ValidationError as error:
            raise SelectionError(
                f"{field.name!r} of a request of kind {kind!r} is {_short(message[field.name])}.",
                f"It must be {allowed}.",
            ) from error
    return msgspec.convert({f.name: message[f.name] for f in fields if f.name in message}, struct)


def in_words(declared: inspect.Type) -> str:
    """What a field may hold."""
    match declared:
        case inspect.Metadata():
            said = (declared.extra_json_schema or {}).get("description")
            return said or in_words(declared.type)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=least):
            return "a whole number" + ("" if least is None else f" from {least}")
        case inspect.StrType():
            return "text"
        case inspect.LiteralType(values=values):
            return " or ".join(map(repr, values))
        case inspect.UnionType(types=types):
            return " or ".join(map(in_words, types))
        case inspect.NoneType():
            return "null"
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {in_words(item)}"
    raise TypeError(f"{declared} has no words yet.")


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:57] + "..."
