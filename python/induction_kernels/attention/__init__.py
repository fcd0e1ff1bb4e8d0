"""Attention read from a model: single cells for scores, whole patterns for pictures."""
