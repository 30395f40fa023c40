"""People on the nodes of a site: accounts and contacts, sessions, and talk that goes on; so that
the pages, and the pictures of them, have something to show."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
import threading
import time
from contextlib import suppress

from browser.site import Site
from harness.api import Api
from harness.node import Account, Node
from harness.waiting import TIMEOUT_S
from harness.xmpp.client import Client, Unexpected

NAMES = ("Adele Brandt", "Bruno Keller", "Chloé Martin", "Dario Conti", "Elena Petrova",
         "Farid Haddad", "Greta Lindholm", "Hugo Fernandes", "Inès Moreau", "Jonas Weber",
         "Karim Aziz", "Lena Novak", "Marta Silva", "Nils Berg", "Olga Ivanova", "Paul Schmitt",
         "Rosa Vidal", "Samir Khan", "Tilda Olsen", "Viktor Horak")
SESSIONS = 12  # of the first so many; the others are away
_RESOURCES = ("laptop", "phone", "tablet")
_PRESENCES = ("", "", "<show>away</show>", "", "<show>dnd</show><status>In a meeting</status>",
              "<show>xa</show>")
_TALK = ("Good morning!", "Has the parcel come?", "Not yet, they say tomorrow.",
         "Shall we have lunch at noon?", "I have put the minutes into the folder.",
         "Who has the key of the small room?", "See you there.")
_TOKENS = (("monitoring", "read", 365), ("backup at night", "backup:write,server:read", 90),
           ("directory sync", "accounts:write,roster:write", 30))


def user_of(name: str) -> str:
    return name.split()[0].lower().replace("é", "e").replace("è", "e")


class Life:
    """Use as a context manager, on a site whose nodes have started and know its administrator."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.people = [Account(user_of(name), site.host, secrets.token_hex(8)) for name in NAMES]
        self._serial = itertools.count(1)
        self._arrived: set[int] = set()
        self._all_arrived = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._crowded: list[Client] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Life:
        self._settle()
        self._thread.start()
        try:
            assert self._all_arrived.wait(TIMEOUT_S), f"{len(self._arrived)} have arrived"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        assert self._failures == []

    def crowd(self, node: Node, count: int) -> None:
        """So many more sessions at this node, which come to no other."""
        asyncio.run_coroutine_threadsafe(self._crowd(node, count), self._loop).result(TIMEOUT_S)

    async def _crowd(self, node: Node, count: int) -> None:
        person = self.people[-1]
        for number in range(count):
            client = Client(person.host, node.ca_file, person, f"screen-{number}")
            await client.connect(node.address())
            self._crowded.append(client)

    def _settle(self) -> None:
        """As an administrator does it, so that the audit trail tells of it."""
        api = Api(self._site.nodes[0])
        administrator = self._site.administrator
        assert api.sign_in(administrator.jid, administrator.password).status == 200
        for person in self.people:
            api.result("register", **person._asdict())
        for one, other in zip(range(-1, len(NAMES) - 1), range(len(NAMES)), strict=True):
            for owner, contact in ((one, other), (other, one)):
                api.result("add_rosteritem", localuser=self.people[owner].user,
                           localhost=self._site.host, user=self.people[contact].user,
                           host=self._site.host, nick=NAMES[contact], groups="Work", subs="both")
        for token, scopes, days in _TOKENS:
            api.result("create_token", name=token, scopes=scopes, days=days)
        api.result("ban_account", user=self.people[-2].user, host=self.people[-2].host,
                   reason="sends advertisements")

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        lives = [asyncio.create_task(self._one(number)) for number in range(SESSIONS)]
        await asyncio.wait([asyncio.create_task(self._over.wait()), *lives],
                           return_when=asyncio.FIRST_COMPLETED)
        for client in self._crowded:
            client.drop()
        for life in lives:
            life.cancel()
        ends = await asyncio.gather(*lives, return_exceptions=True)
        self._failures += [end for end in ends if not isinstance(end, asyncio.CancelledError)
                           if isinstance(end, BaseException)]

    async def _one(self, number: int) -> None:
        """Somebody with a client, which connects to the next node if one will not have it."""
        person, nodes = self.people[number], self._site.nodes
        client = Client(person.host, nodes[0].ca_file, person, _RESOURCES[number % 3])
        try:
            for attempt in itertools.count(number):
                with suppress(OSError, Unexpected, TimeoutError):
                    await self._talk(client, nodes[attempt % len(nodes)], number)
                if client.connected:
                    client.drop()
                await asyncio.sleep(0.1)
        finally:
            if client.connected:
                client.drop()

    async def _talk(self, client: Client, node: Node, number: int) -> None:
        await client.connect(node.address())
        client.write(f"<presence>{_PRESENCES[number % len(_PRESENCES)]}</presence>")
        await client.ping(client.host)
        self._arrived.add(number)
        if len(self._arrived) == SESSIONS:
            self._all_arrived.set()
        for words in itertools.cycle(_TALK):
            # More in one minute than in the next, as people are.
            await asyncio.sleep(0.7 + 0.4 * math.sin(time.monotonic() / 20 + number / 9))
            if client.connection.closed:
                return
            serial = next(self._serial)
            near = (1, 3, -1, -3)[serial % 4]
            to = self.people[(number + near) % len(self.people)]
            client.write(f"<message to='{to.jid}' type='chat' id='m{serial}'>"
                         f"<body>{words}</body></message>")
