"""Why a model takes the hooked path."""

from __future__ import annotations


class DoesNotFitError(Exception):
    """The model computes attention in a way that fused kernels do not; says which."""
