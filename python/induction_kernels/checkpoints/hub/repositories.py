"""What in the repositories of a hub is a checkpoint, and which of these are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from induction_kernels.checkpoints.choosing import Steps, choose
from induction_kernels.checkpoints.hub.hub import Hub
from induction_kernels.checkpoints.hub.legacy import Legacy
from induction_kernels.checkpoints.hub.line import Line, line_up
from induction_kernels.checkpoints.hub.nanochat import PublishedNanochat
from induction_kernels.checkpoints.hub.published import Published
from induction_kernels.checkpoints.hub.suites import (
    LEGACY,
    NANOCHAT,
    SUITES,
    Suite,
    Tokens,
    folders_of,
    suite_of,
)
from induction_kernels.checkpoints.source import Source
from induction_kernels.errors import CheckpointError

#: Of suites whose checkpoints are in another layout than Transformers'.
_KINDS: dict[str, type[Published]] = {LEGACY: Legacy, NANOCHAT: PublishedNanochat}


def open_hub(
    repositories: str | Sequence[str],
    steps: Steps,
    *,
    run: str | None,
    pattern: str | None,
    tokens: Tokens,
    tokenizer: Any | None,
    hub: Hub,
) -> Source:
    """The source of what is wanted of these repositories.

    Raises:
        CheckpointError: no such repository, no checkpoints in it, or of a kind that cannot be read.
        SelectionError: a step that is not there.
    """
    named = [repositories] if isinstance(repositories, str) else list(repositories)
    given = [one if "/" in one else _of_transformer_lens(one) for one in named]
    if not given:
        raise CheckpointError("No repository was given.", "Give a name like 'owner/name'.")
    refs = {one: hub.refs(one) for one in given}

    def paths(one: str) -> Sequence[str]:
        commit = refs[one].get("main")
        return [] if commit is None else list(hub.files(one, commit))

    def names(suite: Suite) -> list[tuple[str, str]]:
        if suite.where == "refs":
            return [(one, ref) for one in given for ref in refs[one]]
        carriers = folders_of if suite.where == "folders" else list
        return [(one, name) for one in given for name in carriers(paths(one))]

    line = Line()
    looked_for: list[Suite] = []
    for suite in _suites(given[0], refs[given[0]], lambda: paths(given[0]), pattern, tokens):
        if suite.refused is not None:
            raise CheckpointError(f"{given[0]} cannot be loaded.", suite.refused)
        looked_for.append(suite)
        line = line_up(suite, names(suite), run)
        if line.points:
            break
    if not line.points:
        there = {one: [*refs[one], *paths(one)] for one in given}
        raise _nothing(given, looked_for, there)
    wanted = choose([point.number for point in line.points], steps)
    line.points = [line.points[place] for place in wanted]
    commits = {(one, ref): commit for one in given for ref, commit in refs[one].items()}
    kind = _KINDS.get(looked_for[-1].name, Published)
    return kind(hub, line, commits, tokenizer)


def _of_transformer_lens(alias: str) -> str:
    """What TransformerLens loads by a name like "attn-only-2l"."""
    from transformer_lens.tools.model_registry.registry_io import resolve_model_alias

    official = resolve_model_alias(alias)
    if official is None:
        raise CheckpointError(
            f"{alias!r} is no repository, and no model of TransformerLens.",
            "Names are like 'EleutherAI/pythia-70m' or 'attn-only-2l'.",
        )
    return str(official)


def _suites(
    repository: str,
    refs: Iterable[str],
    paths: Callable[[], Sequence[str]],
    pattern: str | None,
    tokens: Tokens,
) -> list[Suite]:
    """How its names may be read, in the order of trying."""
    if pattern is None:
        known = suite_of(repository, refs, paths)
        if known is None:
            return []
        return [known if tokens is None else replace(known, batch=tokens)]
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise CheckpointError(
            f"pattern={pattern!r} is no regular expression: {error}.", _EXAMPLE
        ) from error
    if not groups:
        raise CheckpointError(f"pattern={pattern!r} marks no step.", _EXAMPLE)
    return [
        Suite("given", ".+", pattern, where=where, batch=tokens)
        for where in ("refs", "folders", "files")
    ]


_EXAMPLE = r"Mark it by a group: pattern=r'step-(\d+)', or r'iter(?P<step>\d+)-(?P<B>\d+)B'."


def _nothing(
    given: Sequence[str], looked_for: Sequence[Suite], there: dict[str, list[str]]
) -> CheckpointError:
    patterns = [suite.pattern for suite in looked_for] or [
        suite.pattern for suite in SUITES if suite.repositories == ".+"
    ]
    one = given[0]
    names = ", ".join(there[one][:12]) or "nothing"
    more = f" and {len(there[one]) - 12} more" if len(there[one]) > 12 else ""
    return CheckpointError(
        f"{' and '.join(given)} has no checkpoints that are known by name. Looked for: "
        f"{', '.join(dict.fromkeys(patterns))}. There: {names}{more}.",
        "Give pattern=... for the branches, folders or files that are checkpoints. " + _EXAMPLE,
    )
