"""What comes from the page and goes to it, and the thread that does the work."""
