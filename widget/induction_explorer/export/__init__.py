"""What is handed over to other tools."""
