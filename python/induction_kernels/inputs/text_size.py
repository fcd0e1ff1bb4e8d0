"""How much text is read by default."""

#: Tokens of a default row, BOS included; a longer context would cost more and show little more.
LONGEST = 512
ROWS = 256
#: Of them while heads are ablated, and at a time.
ABLATED_ROWS, ABLATED_BATCH = 32, 16
