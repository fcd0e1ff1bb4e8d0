"""What can be asked of a checkpoint."""
