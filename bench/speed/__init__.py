"""What a message, a session, a log-in costs, beside the relay, ejabberd and Prosody."""
