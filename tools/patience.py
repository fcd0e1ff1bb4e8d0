"""How long a state is waited for: the one limit of everything that watches a page or a kernel.

Waiting costs nothing once the state is there, so that the limit need not be near what is usual: it
is several times what the slowest took, a kernel that imports torch, on a machine busy with more.
"""

#: Seconds.
PATIENCE = 120
