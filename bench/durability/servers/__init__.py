"""The servers of the campaign: how each is set up, started and killed."""
