"""How long a node takes to come, to get its share, and to go, by number of sessions."""
