"""What a model reads: tokens whose structure is known, text, a caller's own rows."""
