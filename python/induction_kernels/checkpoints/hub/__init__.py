"""Published checkpoints: what a hub of models holds, how suites name it, and how it comes here."""
