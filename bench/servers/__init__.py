"""The servers that are measured and killed: how each is set up, started and stopped."""
