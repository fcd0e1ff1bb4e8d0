"""Which implementation a Hugging Face model computes its attention by, for as long as we need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from induction_kernels.attention.unfit import DoesNotFitError
from induction_kernels.restoring import restoring


@contextmanager
def installed(module: Any, name: str) -> Iterator[None]:
    """Within this context the model computes its attention by the implementation of this name.

    It is written into the configuration of every part, and what was there is put back part by part,
    whether Transformers would accept it anew or not. Parts with code of their own know "eager"
    alone.

    Raises:
        DoesNotFitError: no part of the model is on the interface, and the name is not "eager".
    """
    from transformers import PreTrainedModel

    models = [part for part in module.modules() if isinstance(part, PreTrainedModel)]
    configs: dict[int, Any] = {id(m.config): m.config for m in models if _takes(m, name)}
    if not configs:
        raise DoesNotFitError(
            f"{type(module).__name__} does not use Transformers' attention interface"
        )
    before = [(config, config._attn_implementation_internal) for config in configs.values()]
    with restoring(partial(_set, before)):
        _set([(config, name) for config in configs.values()])
        yield


def _set(implementations: list[tuple[Any, str | None]]) -> None:
    for config, name in implementations:
        config._attn_implementation_internal = name


def _takes(model: Any, name: str) -> bool:
    return name == "eager" or model._can_set_attn_implementation()
