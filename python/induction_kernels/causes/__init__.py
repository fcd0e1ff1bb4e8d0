"""What heads do to the loss, found by changing what they give."""
