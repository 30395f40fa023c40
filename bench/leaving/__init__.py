"""What clients notice when nodes leave, die and come, and what that costs the other nodes."""
