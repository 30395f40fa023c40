"""`./x demo`: a group of nodes that follows the load, on this machine."""
