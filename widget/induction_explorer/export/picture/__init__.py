"""A small picture of an explorer, as SVG, for wherever no widget runs."""
