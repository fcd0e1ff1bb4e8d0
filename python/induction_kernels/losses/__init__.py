"""What a model predicts, and how well: of tokens, of a checkpoint, of a passage over training."""
