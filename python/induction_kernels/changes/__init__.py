"""What curves over training do: abrupt steps, when, and in which order."""
