"""A score of the reader's own that is a function of a model and a probe."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from induction_kernels.checkpoints.lending import lent
from induction_kernels.errors import InductionError
from induction_kernels.inputs.probes import RepeatedTokens
from induction_kernels.models.model import Model
from induction_kernels.scores.of_attention import On, Probe, probe_in_words
from induction_kernels.scores.own.cells import Measured, measured_on
from induction_kernels.scores.own.naming import checked_name, title_of
from induction_kernels.scores.own.values import as_grid
from induction_kernels.scores.score import YOURS, Facts, Range, Score


@dataclass(frozen=True, kw_only=True)
class FunctionScore(Score):
    """What a function of the reader's gives for a model.

    Attributes:
        function: (model, probe) -> [layer, head].
        on: the probe it is given.
    """

    function: Callable[[Any, Any], Any]
    on: On
    range: Range = (None, None)
    chance: float | None = None

    @property
    def group(self) -> str:
        return YOURS

    def left_out(self, model: Model, text_given: bool) -> str | None:
        reads_text = not self.on.copies and self.on.given is None
        if reads_text and not text_given and model.tokenizer is None:
            return f"{model.name} has no tokenizer, so text cannot be read."
        return None


def function_score(
    function: Callable[[Any, Any], Any],
    *,
    name: str | None = None,
    title: str | None = None,
    formula: str | None = None,
    meaning: str | None = None,
    source: str = "the reader's own",
    probe: Measured = "repeated",
    bounds: Range = (None, None),
    chance: float | None = None,
    units: str = "1",
) -> FunctionScore:
    """A function of a model and a probe as a score; in `scores=` a bare function does as well.

    It is called at every checkpoint with a model that nobody else holds, as `series.load` gives it
    (a TransformerBridge, or of Hugging Face), in evaluation mode and without gradients, which
    `torch.enable_grad()` gives it; and with a probe whose `tokens` [batch, pos] are on the model's
    device. The same random seed is set before each call. What it changes of the model is undone,
    and said.

    Args:
        function: gives one number a head, [layer, head]: a tensor, an array, or an
            xarray.DataArray. NaN is a head that has none.
        name: by default the function's.
        meaning: by default the first paragraph of its docstring.
        probe: "repeated" random tokens, the default "text", or texts or token ids of your own.
        bounds, chance: smallest and largest possible value, and that of no particular head, where
            they are known.

    Raises:
        SelectionError: no name that can be one.
    """
    own = getattr(function, "__name__", type(function).__name__)
    name = checked_name(own if name is None else name, "A function")
    return FunctionScore(
        name=name,
        title=title or title_of(name),
        formula=formula or f"{own}(model, probe)",
        meaning=_first_paragraph(function) if meaning is None else meaning,
        source=source,
        own=True,
        units=units,
        function=function,
        on=measured_on(probe),
        range=bounds,
        chance=chance,
    )


def _first_paragraph(function: object) -> str:
    said = "" if inspect.isclass(function) else inspect.getdoc(function) or ""
    return " ".join(said.split("\n\n", maxsplit=1)[0].split())


def source_hash(function: Callable[..., Any]) -> str:
    """Of its text, or where there is none of what it compiles to; 16 hexadecimal digits.

    Functions that it calls are not in it.
    """
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    try:
        text = textwrap.dedent(inspect.getsource(function)).encode()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = b"" if code is None else code.co_code + repr(code.co_consts).encode()
    return hashlib.sha256(text).hexdigest()[:16]


@dataclass
class Reading:
    """How the last call of one function went.

    Attributes:
        fault: why there is no number; "" where there is.
        changed: what it changed of the model, which was undone.
        seconds: that it took.
    """

    fault: str = ""
    changed: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass
class FunctionReader:
    """Functions bound to their probes.

    Raises:
        ProbeError: text that the model cannot read.
    """

    model: Model
    scores: Iterable[FunctionScore]
    given: RepeatedTokens | None
    seed: int
    readings: dict[str, Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._probes: dict[On, Probe] = {}
        for score in self.scores:
            if score.on not in self._probes:
                self._probes[score.on] = score.on.make(self.model, self.given, self.seed)

    def __call__(self, model: Model, score: FunctionScore) -> Float[Tensor, "layer head"]:
        """float32 on the CPU; NaN where it failed, which `readings` has."""
        shape = (model.n_layers, model.n_heads)
        reading = self.readings[score.name] = Reading()
        probe = self._probes[score.on]
        on_device = replace(probe, tokens=probe.tokens.to(model.device))
        began = time.monotonic()
        lending = None
        try:
            with lent(model, self.seed) as lending:
                given = score.function(lending.module, on_device)
                values = as_grid(given, score.name, shape)
        except InductionError as error:
            reading.fault = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a function of the reader's raises
            reading.fault = f"{score.name} raised {type(error).__name__}: {error}"
        reading.changed = () if lending is None else lending.changed
        reading.seconds = time.monotonic() - began
        return torch.full(shape, torch.nan) if reading.fault else values

    def facts(self, score: FunctionScore) -> Facts:
        probe = self._probes[score.on]
        function = score.function
        where = getattr(function, "__module__", None) or "?"
        name = getattr(function, "__qualname__", type(function).__name__)
        provenance: Mapping[str, str | int | float] = {
            **probe.provenance(),
            "function": f"{where}.{name}",
            "source_hash": source_hash(function),
        }
        return Facts(score.range, score.chance, probe_in_words(probe), provenance)
