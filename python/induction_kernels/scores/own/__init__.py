"""The reader's own scores: cells of a probe, functions of a model, and numbers from elsewhere."""
