"""The open format of HeadVis: pages of heads as a folder of JSON."""
