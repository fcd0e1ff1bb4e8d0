"""What a model is, whoever built it: one view on all of them."""
