"""Scores of what heads write: attribution of logits, and scores on probes by it."""
