"""Scores of what heads do to a number, estimated: attribution patching."""
