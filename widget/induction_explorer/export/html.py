"""An explorer as one file: a page that scrubs without a kernel and without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from induction_kernels.errors import InductionError
from induction_kernels.names import shortened
from induction_kernels.provenance import package_version
from induction_kernels.sizes import in_words
from ipywidgets.widgets.widget import _remove_buffers

from induction_explorer.channel.work import Status
from induction_explorer.export.fitting import fitting, size_of
from induction_explorer.export.held import Answers, answers
from induction_explorer.export.lacking import not_computed
from induction_explorer.page.frames import packed

if TYPE_CHECKING:
    from induction_explorer.contract import Head
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt

_STATIC = Path(__file__).parents[1] / "static"
#: Bytes of what is said of what was left out.
_SENTENCE = 400


@dataclass(frozen=True, eq=False)
class Read:
    """A prompt as the series of an explorer read it.

    Attributes:
        generation: tells its answers from those of others.
        prompts: one a series; None where it cannot.
        infos: `PromptInfo` of js/src/kernel/model.ts, one a series.
    """

    text: str
    answer: str
    generation: int
    prompts: Sequence[Prompt | None]
    infos: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Shown:
    """What an explorer knows.

    Attributes:
        state: the traits that js/src/kernel/model.ts has, with all data.
        prompt: the one that is shown; `others` can be flipped to.
        looked_at: of each series the checkpoints that a reader sees first.
    """

    state: Mapping[str, Any]
    sessions: Sequence[Known]
    prompt: Read
    others: Sequence[Read]
    looked_at: Sequence[Sequence[int]]


def page_of(shown: Shown, max_size: int) -> str:
    """A page of it. Call it with SHARED.

    Raises:
        InductionError: what cannot be left out takes more than `max_size` bytes.
    """
    return _fitted(shown, max_size, _page)


def module_of(shown: Shown, max_size: int) -> str:
    """An ES module of it, whose default export draws it as an anywidget. Call it with SHARED.

    Raises:
        InductionError: as `page_of`.
    """
    return _fitted(shown, max_size, _module)


def _fitted(
    shown: Shown, max_size: int, write: Callable[[Shown, Sequence[Answers], str], str]
) -> str:
    least = len(write(shown, [], "").encode())
    room = max_size - least - _SENTENCE
    if room < 0:
        raise InductionError(
            f"The page and its scores and losses alone take {in_words(least + _SENTENCE)}.",
            f"Allow at least that; max_size={in_words(max_size)} was given.",
        )
    held, left_out = fitting(_by_want(shown, shown.prompt), shown.looked_at, room)
    room -= sum(map(size_of, held))
    for other in shown.others:  # whole, or not at all
        its = _by_want(shown, other)
        size = sum(map(size_of, its))
        if size <= room:
            held += its
            room -= size
    return write(shown, held, left_out)


def _by_want(shown: Shown, of: Read) -> list[Answers]:
    """Series by series in turn; of each the selected heads before others, the strongest first."""
    score, heads = shown.state["score"], shown.state["heads"]
    each = [
        answers(
            number,
            session,
            prompt,
            of.generation,
            _by_strength(session, score, heads),
            of_text=of is shown.prompt,
        )
        for number, (session, prompt) in enumerate(zip(shown.sessions, of.prompts, strict=True))
    ]
    return [one for one in chain.from_iterable(zip_longest(*each)) if one is not None]


def _held_prompts(shown: Shown, held: Sequence[Answers]) -> list[Read]:
    """Those with answers, in the order of the explorer's; the shown one in any case."""
    answered = {one.generation for one in held}
    of = {
        (one.text, one.answer): one
        for one in (shown.prompt, *shown.others)
        if one is shown.prompt or one.generation in answered
    }
    order = [(text, answer) for text, answer in shown.state["prompts"]]
    return [of[pair] for pair in dict.fromkeys([*order, *of]) if pair in of]


def _by_strength(session: Known, score: str, selected: Sequence[Sequence[int]]) -> list[Head]:
    grid = session.grids.get(score)
    every = session.every_head
    if grid is None:
        return every
    best = np.nan_to_num(np.abs(grid), nan=-1).max(0)
    chosen = {(layer, head) for layer, head in selected}
    return sorted(every, key=lambda head: (head not in chosen, -best[head]))


def _page(shown: Shown, held: Sequence[Answers], left_out: str) -> str:
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    names = ", ".join(shortened(info["name"]) for info in shown.state["_series"])
    template = (Path(__file__).parent / "page.html").read_text()
    return template.format(
        policy=policy,
        title=html.escape(f"{names} - Induction Explorer"),
        styles=_styles(),
        said=html.escape(_said(shown, held, left_out)),
        held=_packed(shown, held),
        script=script,
    )


def _module(shown: Shown, held: Sequence[Answers], left_out: str) -> str:
    """What js/src/copy.ts looks for, before its code."""
    copy = {"held": _packed(shown, held), "styles": _styles(), "said": _said(shown, held, left_out)}
    return f"const COPY = {json.dumps(copy)};\n{(_STATIC / 'copy.js').read_text()}"


def _packed(shown: Shown, held: Sequence[Answers]) -> str:
    """In base64, as js/src/open-copy.ts reads it."""
    prompts = [one for one in _held_prompts(shown, held) if one.text]
    series = [
        info
        | {
            "without_model": "is shown in a copy without a kernel, which holds what was known when "
            "it was made.",
            "held": sorted({one.analysis.kind for one in held if one.series == number}),
            "kept_prompts": [[one.text, one.answer] for one in prompts],
        }
        for number, info in enumerate(shown.state["_series"])
    ]
    of_a_copy = {
        "_series": series,
        "_prompts": _scrubbed(shown.prompt),
        "_status": Status.ready(),
        "_behind": 0,
        "_play": False,
    }
    bare, paths, buffers = _remove_buffers({**shown.state, **of_a_copy})
    data = {
        "state": bare,
        "buffer_paths": paths,
        "prompts": [
            {"prompt": one.text, "answer": one.answer, "_prompts": _scrubbed(one)}
            for one in prompts
        ],
        "answers": [one.head() for one in held],
    }
    frame = packed(data, [*buffers, *(b for one in held for b in one.buffers())])
    return base64.b64encode(gzip.compress(frame, 9, mtime=0)).decode()


def _scrubbed(of: Read) -> list[Mapping[str, Any]]:
    """Its `_prompts`: a copy asks for all that it holds at once."""
    return [{**info, "scrub": True} for info in of.infos]


def _said(shown: Shown, held: Sequence[Answers], left_out: str) -> str:
    made = datetime.now().astimezone()
    when = f"{made.day} {made:%B %Y}"
    lines = [
        f"A copy made on {when} with Induction Explorer {package_version()}.",
        "It needs neither a kernel nor a network.",
    ]
    count, has = 1 + len(shown.others), len(_held_prompts(shown, held))
    if has < count:
        lines.append(f"Of {count} prompts it holds the {has} that were run and fit into it.")
    for session, prompt in zip(shown.sessions, shown.prompt.prompts, strict=True):
        lines += not_computed(session, prompt)
    if left_out:
        lines.append(f"Left out to keep the file small: {left_out}.")
    return " ".join(lines)


@cache
def _styles() -> str:
    return (_STATIC / "widget.css").read_text()


@cache
def _script() -> str:
    """With nothing in it that would end the element that it stands in."""
    code = (_STATIC / "copy.js").read_text()
    return code.replace("</script", "<\\/script").replace("<!--", "\\x3C!--")
