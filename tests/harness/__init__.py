"""What every test against a running server needs: certificates, nodes, and a small XMPP client."""
