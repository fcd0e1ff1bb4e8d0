"""What one head does over a corpus."""
