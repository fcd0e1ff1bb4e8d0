"""The command line, `induction-explorer`: one file a command. Nothing that computes is imported
before it is needed, so that help comes at once."""
