"""Several nodes, each with an address of its own, and what can happen to nodes and networks."""
