"""One series as an explorer works on it, and what is known of it so far."""
