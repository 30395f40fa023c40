"""A double of AWS on loopback: instance metadata, credentials, Auto Scaling, and what goes with it.

`cloud.Cloud` starts all of it. It does what the real one does as far as a node can tell, the
faults too; tests/cloud lets a client that others wrote judge that.
"""
