"""What a copy cannot show because nobody computed it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from induction_kernels.names import shortened

from induction_explorer.analyses.patterns import Patterns
from induction_explorer.analyses.predictions import Predictions
from induction_explorer.channel.subject import Subject

if TYPE_CHECKING:
    from induction_explorer.contract import Analysis
    from induction_explorer.series.known import Known
    from induction_explorer.series.prompt import Prompt

#: Analyses that are asked for in a tab, as sentences call them.
_IN_TABS = {
    "attribution": "attributions of logits",
    "ablation": "ablations of heads",
    "ablation_grid": "the ablation of every head",
    "head_page": "what heads attend to on text",
    "head_tokens": "what heads write of tokens",
    "patching_estimate": "estimated ablations",
    "patching_exact": "ablations beside the estimated ones",
    "wiring": "the wiring of heads",
}


def not_computed(session: Known, prompt: Prompt | None) -> Iterator[str]:
    """Sentences, none of what is complete."""
    count, name = len(session.series), shortened(session.name)
    scored = sum(map(session.is_scored, range(count)))
    if scored < count:
        yield f"Of {name} {scored:,} of {count:,} checkpoints were scored when it was made."
    lacks = [*_of_prompt(session, prompt), *_of_losses(session), *_of_tabs(session, prompt)]
    if lacks:
        yield f"Not computed for {name}, and so not in it: {', '.join(lacks)}."


def _of_prompt(session: Known, prompt: Prompt | None) -> Iterator[str]:
    if prompt is None:
        return
    count = len(session.series)
    if known := _known(session, Predictions(), prompt):
        if known < count:
            yield f"predictions at {count - known:,} of {count:,} checkpoints"
    else:
        yield "predictions"
    each = [_known(session, Patterns(head), prompt) for head in session.every_head]
    least = min(filter(None, each), default=0)
    if not least:
        yield "attention patterns"
        return
    if without := each.count(0):
        yield f"the attention patterns of {without:,} heads"
    if least < count:
        of = "the others' patterns" if without else "attention patterns"
        yield f"{of} at {count - least:,} of {count:,} checkpoints"


def _of_losses(session: Known) -> Iterator[str]:
    count = len(session.series)
    known = sum(map(session.measured.knows, range(count)))
    if session.without_model is None and known < count:
        yield f"losses at {count - known:,} of {count:,} checkpoints" if known else "losses"


def _of_tabs(session: Known, prompt: Prompt | None) -> Iterator[str]:
    """What was asked of some heads, or some checkpoints, is there; of others it is not."""
    ids = None if prompt is None else prompt.ids
    asked = {
        question.analysis.kind
        for question in session.results.questions()
        if question.ids is None or question.ids == ids
    }
    for kind, words in _IN_TABS.items():
        yield f"{words} but for what was asked before" if kind in asked else words


def _known(session: Known, analysis: Analysis, prompt: Prompt) -> int:
    """At how many checkpoints."""
    return len(Subject.of(session, analysis, prompt).known_at(range(len(session.series))))
