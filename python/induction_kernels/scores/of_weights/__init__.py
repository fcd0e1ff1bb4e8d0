"""Scores of the weights, and the arithmetic behind them."""
