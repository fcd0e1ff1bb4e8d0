"""Several prompts of one explorer, each with its answer: what may be given, and which is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets
from induction_kernels.errors import InductionError
from induction_kernels.names import legible

#: A text and its answer, "" for none; as JSON has it.
Pair = list[str]

_ALLOWED = "a text, a pair (text, answer), or {'text': ..., 'answer': ...}"


def checked(
    given: Any, read: Callable[[str, str], object], known: Sequence[Pair] = ()
) -> list[Pair]:
    """What a caller gave as texts and answers, each once.

    Args:
        read: a text and its answer as the series shown reads them; raises an InductionError where
            it cannot.
        known: those that are not read again: another series, which is shown now, may not be able
            to.

    Raises:
        traitlets.TraitError: no list, or an item that is no prompt or cannot be run; says which.
    """
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        raise traitlets.TraitError(
            f"prompts is {_short(given)}; it must be a list, each item {_ALLOWED}."
        )
    pairs = [_pair(number, one) for number, one in enumerate(given)]
    for number, (text, answer) in enumerate(pairs):
        if [text, answer] in known:
            continue
        try:
            read(text, answer)
        except InductionError as error:
            raise traitlets.TraitError(
                f"prompts[{number}] is {_short(given[number])}, which cannot be run: "
                f"{legible(str(error))}"
            ) from error
    return [list(one) for one in dict.fromkeys(map(tuple, pairs))]


def _pair(number: int, item: Any) -> Pair:
    if isinstance(item, str):
        return [item, ""]
    if isinstance(item, Mapping) and "text" in item and item.keys() <= {"text", "answer"}:
        item = (item["text"], item.get("answer", ""))
    is_pair = isinstance(item, tuple | list) and len(item) == 2
    if not is_pair or not all(isinstance(part, str) for part in item):
        raise traitlets.TraitError(
            f"prompts[{number}] is {_short(item)}; it must be {_ALLOWED}. A model without "
            "tokenizer takes token ids as a text: '5 17 42'."
        )
    return list(item)


def _short(value: Any) -> str:
    said = legible(repr(value))
    return said if len(said) <= 80 else f"{said[:77]}..."


def shown_first(pairs: Sequence[Pair], prompt: str | None, answer: str) -> Pair | None:
    """The one to begin with: this one if it is among them, else the first; None without any."""
    if [prompt, answer] in pairs:
        return [str(prompt), answer]
    return pairs[0] if pairs else None


def followed(pairs: Sequence[Pair], before: Pair, now: Pair) -> tuple[list[Pair], Pair]:
    """The prompts, and which of them is shown, once `now` was set where `before` was shown.

    Another of them is shown; by its text alone, too, where the answer was left as it was. Else the
    one that was shown has been edited.
    """
    kept = [list(one) for one in pairs]
    if not kept or now in kept:
        return kept, now
    if now[1] == before[1] and (named := [one for one in kept if one[0] == now[0]]):
        return kept, named[0]
    at = kept.index(before) if before in kept else 0
    kept[at] = now
    return kept, now


def beside(pairs: Sequence[Pair], shown: Pair) -> list[Pair]:
    """The ones next to it, the following first: what a reader is likeliest to look at next."""
    if shown not in pairs:
        return []
    at = list(pairs).index(shown)
    return [pairs[i] for i in (at + 1, at - 1) if 0 <= i < len(pairs)]
