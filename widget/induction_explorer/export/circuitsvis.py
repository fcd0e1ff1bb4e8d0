"""Hands what is selected to CircuitsVis."""

from __future__ import annotations

from typing import Any

from induction_kernels import attention_patterns
from induction_kernels.attention.patterns import Head
from induction_kernels.errors import InductionError, SelectionError

from induction_explorer.series.prompt import Prompt
from induction_explorer.series.session import SeriesSession


def to_circuitsvis(
    session: SeriesSession, prompt: Prompt, checkpoint: int, heads: list[Head]
) -> Any:
    """Attention of the heads on the prompt, at a checkpoint, as CircuitsVis draws it.

    Raises:
        SelectionError: no head is given.
        InductionError: CircuitsVis is not installed.
    """
    if not heads:
        raise SelectionError("No head is selected.", "Set explorer.heads = [[layer, head], ...].")
    try:
        from circuitsvis.attention import attention_heads
    except ImportError as error:
        raise InductionError(
            "CircuitsVis is not installed.", "pip install 'induction-explorer[circuitsvis]'"
        ) from error
    # A model of its own: the session's is the worker's.
    model = session.series.replica().model(checkpoint)
    return attention_heads(
        attention=attention_patterns(model, prompt.tokens, heads),
        tokens=prompt.strings,
        attention_head_names=[model.head_name(*head) for head in heads],
        min_value=0,
        max_value=1,
    )
