"""Scores: one number a head, as data."""
