"""What of SASL needs a look at the messages themselves."""

from __future__ import annotations

import base64

import pytest

from daemon.sessions import registered, run, session, unconnected
from harness.node import Account, Node
from harness.xmpp.client import Client, SaslFailed
from harness.xmpp.items import SASL

MECHANISMS = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]


async def negotiated(node: Node, account: Account) -> Client:
    client = unconnected(node, account)
    await client.negotiate_tls(node.address())
    return client


async def answer(client: Client, mechanism: str, first: str) -> tuple[str, str]:
    """What the server says to an initial response: the element's name, and its text or cause."""
    client.write(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>"
                 f"{base64.b64encode(first.encode()).decode()}</auth>")
    element = await client.next_element()
    name = element.tag.rpartition("}")[2]
    if name == "failure":
        return name, element[0].tag.rpartition("}")[2]
    return name, base64.b64decode(element.text or "").decode()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_unknown_user_is_challenged_like_a_known_one(fresh_node: Node, mechanism: str) -> None:
    """Same attributes, same sizes, and the same salt at every attempt, also after a restart."""
    fresh_node.start()
    alice = registered(fresh_node)

    async def challenge(user: str) -> dict[str, str]:
        client = await negotiated(fresh_node, alice)
        name, text = await answer(client, mechanism, f"n,,n={user},r=fyko")
        assert name == "challenge"
        fields = dict(part.split("=", 1) for part in text.split(","))
        assert fields.pop("r").startswith("fyko")
        return fields

    seen: list[dict[str, str]] = []

    async def main() -> None:
        known, *others = [await challenge(user) for user in
                          ("alice", "nobody", "nobody", "nobody2")]
        assert others[0] == others[1]
        assert others[0]["s"] != others[2]["s"]
        assert known["i"] == others[0]["i"]
        assert list(known) == list(others[0])
        assert len(known["s"]) == len(others[0]["s"])
        seen.append(others[0])

    run(main)
    fresh_node.restart()
    run(main)
    assert seen[0] == seen[1]


def test_client_that_was_denied_binding_is_refused(node: Node) -> None:
    """RFC 5802, 6: "y" says that the server cannot bind; but it can, so somebody has lied."""
    async def main() -> None:
        client = await negotiated(node, Account("nobody", node.hosts[0], ""))
        assert await answer(client, "SCRAM-SHA-256", "y,,n=nobody,r=x") == (
            "failure", "not-authorized")

    run(main)


def test_foreign_channel_binding_is_refused(node: Node) -> None:
    async def main() -> None:
        client = await negotiated(node, registered(node, "bound"))
        real = client.connection.channel_binding
        client.connection.channel_binding = (  # type: ignore[assignment]
            lambda kind: bytes(byte ^ 1 for byte in real(kind)))
        with pytest.raises(SaslFailed, match="not-authorized"):
            await client.authenticate("SCRAM-SHA-256-PLUS")

    run(main)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_every_mechanism_works_for_every_way_a_password_was_set(fresh_node: Node,
                                                                mechanism: str) -> None:
    fresh_node.start()
    alice = registered(fresh_node)

    async def main(account: Account) -> None:
        for name in (mechanism, f"{mechanism}-PLUS"):
            client = await negotiated(fresh_node, account)
            await client.authenticate(name)

    run(lambda: main(alice))
    fresh_node.ctl("change_password", alice.user, alice.host, "Pa\u00adss wörd")
    run(lambda: main(alice._replace(password="Pass wörd")))  # SASLprep drops the soft hyphen


def test_nobody_may_act_for_another(node: Node) -> None:
    """RFC 6120, 6.3.8: an authorization identity must be one's own."""
    account = registered(node, "authz")

    async def main() -> None:
        client = await negotiated(node, account)
        for authzid, expected in ((account.jid, "challenge"), (f"other@{account.host}", "failure")):
            name, cause = await answer(client, "SCRAM-SHA-256", f"n,a={authzid},n=authz,r=x")
            assert name == expected
            client.write(f"<abort xmlns='{SASL}'/>" if name == "challenge" else "")
            if name == "challenge":
                await client.expect(f"{{{SASL}}}failure")
        assert cause == "invalid-authzid"

    run(main)
    run(lambda: session(node, account))
