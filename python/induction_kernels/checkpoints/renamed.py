"""Weights under the names that a file has them by, as the module of their configuration has them.

Files of an older Transformers, or of the converters of other libraries, hold buffers that no module
has any more, or split what a module joins (the experts of a mixture). Transformers itself knows how
to read them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from induction_kernels.checkpoints.configuration import say
from induction_kernels.errors import CheckpointError

#: Tables and constants that older versions saved in every model, and no newer one has.
_TABLES = frozenset({r"rotary_emb\.inv_freq", r"\.masked_bias$"})


class Architecture:
    """Of a causal language model of Transformers."""

    def __init__(self, configuration: Any, where: str) -> None:
        """Args:
        where: the configuration is, for errors.
        """
        self._configuration = configuration
        self._where = where

    def build(self) -> nn.Module:
        """The model, with random weights.

        Raises:
            CheckpointError: it is no causal language model.
        """
        from transformers import AutoModelForCausalLM

        try:
            model: nn.Module = AutoModelForCausalLM.from_config(
                copy.deepcopy(self._configuration), trust_remote_code=False
            )
        except Exception as error:  # of any kind: each model is built by code of its own
            raise CheckpointError(
                f"{self._where} holds no configuration of a causal language model.", say(error)
            ) from error
        return model.eval()

    def renamed(self, weights: Mapping[str, Tensor], where: str) -> Mapping[str, Tensor]:
        """By the names of the module's own state dict.

        Raises:
            CheckpointError: Transformers does not know what to do with some of them either, or
                misses others.
        """
        skeleton = self._skeleton
        passed_over = set(skeleton._keys_to_ignore_on_load_unexpected or ()) | _TABLES
        known = self._names
        kept = {
            name: value
            for name, value in weights.items()
            if name in known or not any(re.search(pattern, name) for pattern in passed_over)
        }
        if kept.keys() <= known:
            return kept
        with _quietly():
            model, found = type(skeleton).from_pretrained(
                None,
                config=copy.deepcopy(self._configuration),
                state_dict=dict(kept),
                # It makes this the dtype of every new tensor, on all threads, for as long as it
                # loads: another would get into what is computed meanwhile.
                dtype=torch.get_default_dtype(),
                output_loading_info=True,
            )
        for what, names in (
            ("has {!r}, which the model does not", found["unexpected_keys"]),
            ("lacks {!r}", found["missing_keys"]),
            ("has another shape of {!r} than the model", found["mismatched_keys"]),
        ):
            if names:
                first = min(map(str, names))
                raise CheckpointError(
                    f"{where} {what.format(first)} ({len(names)} such names).",
                    "It belongs to a model of another configuration.",
                )
        return dict(model.state_dict())

    @cached_property
    def _skeleton(self) -> Any:
        with torch.device("meta"):
            return self.build()

    @cached_property
    def _names(self) -> set[str]:
        return set(self._skeleton.state_dict())


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Transformers' bar for each load, and its table of names: what matters is raised."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
