"""What a cluster costs over one node, and how long it takes to notice who came and who died."""
