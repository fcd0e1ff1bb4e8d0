"""How published suites name their checkpoints: a table, one row a suite.

A name is a branch, a tag, a file or a folder of a repository. What it says stands in the named
groups of a row's pattern:

    step    optimizer steps, or whatever else the suite counts (`unit`)
    tokens  seen so far
    B       the same in billions, rounded as it is in the name
    stage   of training; the steps of a later one begin anew, unless the row says otherwise
    run     one of several that go on from the same point, or begin with another seed

Tokens are steps times the batch wherever the batch is known and constant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from induction_kernels.checkpoints.checkpoint import STEPS

#: By step: tokens that each adds, or a function of the step. None: what the name says, if anything.
Tokens = int | Callable[[int], int] | None


@dataclass(frozen=True)
class Suite:
    """One row.

    Attributes:
        repositories: a pattern that a repository's whole name matches.
        pattern: that the whole name of a checkpoint matches.
        where: what carries that name.
        batch: tokens a step.
        stages_alike: later stages have the same batch.
        cumulative: the steps of later stages go on from those of the first.
        unit: what `step` counts.
        label: of one of these, where it is no step.
        tokens_above: steps are in truth tokens, if the last of them is larger than this.
        main: the step of the branch main, where no other branch holds those weights.
        still: the first two checkpoints hold the same weights, and should.
        refused: why nothing of these repositories can be loaded.
    """

    name: str
    repositories: str
    pattern: str
    where: Literal["refs", "files", "folders"] = "refs"
    batch: Tokens = None
    stages_alike: bool = True
    cumulative: bool = False
    unit: str = STEPS
    label: str | None = None
    tokens_above: int | None = None
    main: int | None = None
    still: bool = False
    refused: str | None = None

    def reads(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


_STEP = r"step(?P<step>\d+)"
_STEP_TOKENS = r"step(?P<step>\d+)-tokens(?P<B>\d+)B"
_STAGED = (
    r"(?:stage(?P<stage>\d+)-(?:(?P<run>ingredient\d+)-)?)?step(?P<step>\d+)(?:-tokens(?P<B>\d+)B)?"
)
_OLMO = r"allenai/OLMo-"
_M = 1_048_576
_ANY = r".+"
#: The rows of files that only TransformerLens, and that nanochat itself, reads.
LEGACY, NANOCHAT = "TransformerLens", "nanochat"

#: Rows of named repositories come first; of the others, the one that fits most names counts.
SUITES: tuple[Suite, ...] = (
    Suite(
        "Pythia, raw", r"EleutherAI/neox-ckpt-pythia-.+", r".*",
        refused="They are DeepSpeed files, which only GPT-NeoX reads. The same checkpoints are in "
        "EleutherAI/pythia-<size>.",
    ),
    Suite("Pythia", r"EleutherAI/pythia-.+", _STEP, batch=2 * _M, still=True),
    Suite("CRFM", r"stanford-crfm/.+-gpt2-(small|medium)-x\d+", r"checkpoint-(?P<step>\d+)",
          batch=524_288),
    Suite(LEGACY, r"NeelNanda/(Attn[_-]Only|GELU|SoLU)[_-].+",
          r"checkpoints/.*_(?P<step>\d+)\.pth", where="files", tokens_above=10**9),
    Suite("OLMo", _OLMO + r"(1B|7B-Twin-2T)-hf", _STEP_TOKENS, batch=4 * _M),
    Suite("OLMo", _OLMO + r"7B-hf", _STEP_TOKENS, batch=4_423_680),
    Suite("OLMo 0724", _OLMO + r"1B-0724-hf", _STEP_TOKENS, batch=2 * _M),
    Suite("OLMoE", r"allenai/OLMoE-1B-7B-0924", _STEP_TOKENS, batch=4 * _M),
    Suite("OLMo 2", _OLMO + r"2-0425-1B(-early-training)?", _STAGED, batch=2 * _M),
    Suite("OLMo 2", _OLMO + r"2-1124-7B", _STAGED, batch=4 * _M),
    Suite("OLMo 2", _OLMO + r"2-(1124-13B|0325-32B)", _STAGED, batch=8 * _M),
    Suite("OLMo 3", r"allenai/Olmo-3-1025-7B", _STAGED, batch=4 * _M, stages_alike=False),
    Suite("OLMo 3", r"allenai/Olmo-3-1125-32B", _STAGED, batch=8 * _M, stages_alike=False),
    Suite("SmolLM2", r"HuggingFaceTB/SmolLM2-1\.7B-intermediate-checkpoints",
          r"step-(?P<step>\d+)", batch=2 * _M),
    Suite("SmolLM2", r"HuggingFaceTB/SmolLM2-.+-intermediate-checkpoints", r"step-(?P<step>\d+)"),
    Suite("SmolLM3", r"HuggingFaceTB/SmolLM3-.+-checkpoints",
          r"stage(?P<stage>\d+)-step-(?P<step>\d+)", batch=2_359_296, cumulative=True),
    Suite("Amber", r"LLM360/Amber", r"ckpt_(?P<step>\d{3})", unit="parts", label="part {:,}",
          main=359),
    Suite("Apertus", r"swiss-ai/Apertus-.+", _STEP_TOKENS),
    Suite("DataDecide", r"allenai/DataDecide-.+", r"step(?P<step>\d+)-(?P<run>seed-.+)"),
    Suite("BabyLM", _ANY, r"chck_(?P<step>\d+)M", unit="million words", label="{}M words"),
    Suite("Lucie", _ANY, r"(?:(?P<run>extension)_)?step(?P<step>\d{7})"),
    Suite("Gaperon", _ANY, r"step-(?P<step>\d+)_tokens-(?P<B>\d+)B-(?P<run>.+)"),
    Suite("RedPajama-INCITE", _ANY, r"(?P<B>\d+)b_tokens"),
    Suite("FineWeb ablations", _ANY, r"step-(?P<step>\d+)-(?P<B>\d+)BT"),
    Suite("steps with tokens", _ANY, _STEP_TOKENS),
    Suite("steps in stages", _ANY, _STAGED),
    Suite("steps", _ANY, r"step-?(?P<step>\d+)"),
    Suite("Trainer", _ANY, r"checkpoint-(?P<step>\d+)"),
    Suite("Trainer, in folders", _ANY, r"checkpoint-(?P<step>\d+)(?:step)?", where="folders"),
    Suite(NANOCHAT, _ANY,
          r"(?:(?:base_checkpoints/)?(?P<run>[^/]+)/)?model_(?P<step>\d{6,})\.pt", where="files"),
    Suite("modded-nanogpt", _ANY, r"(?:.*/)?state_step(?P<step>\d{6,})\.pt", where="files",
          refused="They are of modded-nanogpt, whose architecture changes from run to run: get the "
          "folder (hf download <repository> --local-dir runs) and give the model, "
          "CheckpointSeries.from_folder(folder, model)."),
)  # fmt: skip


def suite_of(
    repository: str, refs: Iterable[str], paths: Callable[[], Iterable[str]]
) -> Suite | None:
    """The row of a name; else the one that reads most names in a repository, of equals the first.
    None where no row reads any.

    Args:
        paths: of the files in its branch main; asked for only where no row reads a ref.
    """
    for suite in SUITES:
        if suite.repositories != _ANY and re.fullmatch(suite.repositories, repository):
            return suite
    rows = [suite for suite in SUITES if suite.repositories == _ANY]
    return (
        _most([s for s in rows if s.where == "refs"], refs)
        or _most([s for s in rows if s.where == "folders"], folders_of(paths()))
        or _most([s for s in rows if s.where == "files"], paths())
    )


def _most(rows: list[Suite], names: Iterable[str]) -> Suite | None:
    names = list(names)
    counts = [sum(map(suite.reads, names)) for suite in rows]
    return rows[counts.index(max(counts))] if any(counts) else None


def folders_of(paths: Iterable[str]) -> list[str]:
    """The folders that hold these files."""
    return sorted({folder for path in paths if (folder := path.rpartition("/")[0])})
