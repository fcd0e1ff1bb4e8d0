"""A series times what is measured of each checkpoint."""
