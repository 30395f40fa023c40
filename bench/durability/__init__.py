"""The durability campaign: what becomes of acknowledged messages when the server is killed."""
