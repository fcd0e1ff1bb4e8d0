"""What has to be known, beside the model and the tokens, to repeat a number."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def package_version() -> str:
    try:
        return version("induction-explorer")
    except PackageNotFoundError:  # imported from a source tree that was never installed
        return "unknown"
