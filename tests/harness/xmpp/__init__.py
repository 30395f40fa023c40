"""A small XMPP client over asyncio that shows everything the server writes, in order.

It is no library for programs: it hides nothing, repairs nothing, and answers only the pings that
the dialogues' barriers use. See `client.Client`.
"""
