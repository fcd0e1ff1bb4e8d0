"""An explorer on a page of its own, served by the process that computes: no notebook, no kernel."""
