"""`python -m induction_explorer`: the command line."""

from induction_explorer.command.app import main

main()
