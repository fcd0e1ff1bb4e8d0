"""What an explorer shows before its reader chooses anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from induction_kernels.losses.measure import MEASURES

from induction_explorer import several_prompts
from induction_explorer.channel.work import Status
from induction_explorer.choices import check_index, score_in
from induction_explorer.series.derived import UNKNOWN
from induction_explorer.series.known import Known
from induction_explorer.series.several import infos, read_prompt


def beginning(found: Sequence[tuple[Known, int]], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The traits of an explorer on these series, each with its checkpoint to begin with, where
    `chosen` has no others.

    Raises:
        traitlets.TraitError: a series that does not exist is chosen, or prompts that cannot be run.
        InductionError: the model reads not even one letter.
    """
    number = check_index("series", chosen.get("series", 0), len(found), "series")
    first, checkpoint = found[number]
    prompt, answer = first.default_prompt()
    sessions = [session for session, _ in found]
    prompts = several_prompts.checked(
        chosen.get("prompts", []), lambda *one: read_prompt(sessions, first, *one)
    )
    begins = several_prompts.shown_first(prompts, chosen.get("prompt"), chosen.get("answer", ""))
    if begins is not None:
        chosen = {**chosen, "prompts": prompts, "prompt": begins[0], "answer": begins[1]}
    return {
        "checkpoint": checkpoint,
        "heads": [],
        "prompt": prompt,
        "answer": answer if "prompt" not in chosen else "",
        "score": score_in(first, "induction"),
        "_scores": [one.score_infos() for one in sessions],
        "_series": infos(sessions),
        "_phases": [UNKNOWN] * len(found),
        "_measure_infos": [asdict(m) for m in MEASURES.values() if m.per != "row"],
        "_status": Status.ready(),
        **chosen,
    }
