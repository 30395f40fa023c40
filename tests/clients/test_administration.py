"""slixmpp's plugins for ad-hoc commands, administration and registration (XEP-0050, 0133, 0077)."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest
from slixmpp.exceptions import IqError

from clients.slixmpp_session import Session, session
from harness.node import Account, Node
from harness.waiting import TIMEOUT_S

ADMIN = "http://jabber.org/protocol/admin#"
HOST = "example.test"


@pytest.fixture
def own(fresh_node: Node) -> Node:
    """A node with an administrator, on which everybody may make an account."""
    fresh_node.config["admins"] = [f"root@{HOST}"]
    fresh_node.config["modules"] = {"register": {"enabled": True}}
    fresh_node.start()
    return fresh_node


def account(user: str) -> Account:
    return Account(user, HOST, secrets.token_hex(12))


def registered(node: Node, user: str) -> Account:
    made = account(user)
    node.register(made)
    return made


def test_administrator_runs_the_server_by_commands(own: Node) -> None:
    root, bob, new = registered(own, "root"), registered(own, "bob"), account("new")

    async def run() -> None:
        async with session(root, own.address(), own.ca_file, "xep_0050", "xep_0133") as admin, \
                session(bob, own.address(), own.ca_file) as victim:
            offered = await admin["xep_0133"].get_commands(HOST, timeout=TIMEOUT_S)
            nodes = {node for _, node, _ in offered["disco_items"]["items"]}
            assert f"{ADMIN}add-user" in nodes
            assert f"{ADMIN}announce" in nodes

            await admin.form_command(f"{ADMIN}add-user", accountjid=new.jid,
                                     password=new.password, password_verify=new.password)
            assert "new" in own.ctl("registered_users", HOST)
            with pytest.raises(IqError) as refused:
                await admin.form_command(f"{ADMIN}add-user", accountjid=new.jid, password="x")
            assert refused.value.condition == "conflict"

            counted = await admin.form_command(f"{ADMIN}get-registered-users-num")
            assert counted["form"].get_values()["registeredusersnum"] == "3"
            listed = await admin.form_command(f"{ADMIN}get-online-users-list", max_items="none")
            assert jids(listed, "onlineuserjids") == [bob.jid, root.jid]
            listed = await admin.form_command(f"{ADMIN}get-registered-users-list", max_items="25")
            assert jids(listed, "registereduserjids") == [bob.jid, new.jid, root.jid]

            victim.send_presence()
            heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            victim.add_event_handler(
                "message", lambda m: heard.done() or heard.set_result(m["body"]))
            # Its presence is in force when a later ping has been answered.
            victim.register_plugin("xep_0199")
            await victim["xep_0199"].ping(victim.boundjid.bare, timeout=TIMEOUT_S)
            await admin.form_command(f"{ADMIN}announce", announcement=["Down soon.", "Sorry."])
            assert await asyncio.wait_for(heard, TIMEOUT_S) == "Down soon.\nSorry."

            await admin.form_command(f"{ADMIN}end-user-session", accountjids=[bob.jid])
            await asyncio.wait_for(victim.ended, TIMEOUT_S)

    asyncio.run(run())


def jids(command: Any, var: str) -> list[str]:
    return sorted(v.text for field in command["form"].xml.iter("{jabber:x:data}field")
                  if field.get("var") == var for v in field.iter("{jabber:x:data}value"))


def test_what_an_administrator_changes_is_in_the_audit_log(own: Node) -> None:
    root, bob, new = registered(own, "root"), registered(own, "bob"), account("new")

    async def run() -> str:
        async with session(root, own.address(), own.ca_file, "xep_0050") as admin:
            made = {"accountjid": new.jid, "password": new.password}
            await admin.form_command(f"{ADMIN}add-user", **made)
            with pytest.raises(IqError):
                await admin.form_command(f"{ADMIN}add-user", **made)
            await admin.form_command(f"{ADMIN}get-registered-users-num")
            await admin.form_command(f"{ADMIN}announce", announcement=["Down soon."])
            await admin.form_command(f"{ADMIN}delete-user", accountjids=[bob.jid, new.jid])
            return str(admin.boundjid.full)

    full = asyncio.run(run())
    records = own.ctl("audit_log")["items"]
    assert new.password not in json.dumps(records)
    assert [(r["who"], r["command"], r["arguments"], r["result"] == "done")
            for r in reversed(records) if r["from"] == "xmpp"] == [
        (full, "add-user", {"accountjid": new.jid, "password": "***"}, True),
        (full, "add-user", {"accountjid": new.jid, "password": "***"}, False),
        (full, "announce", {"announcement": "***"}, True),
        (full, "delete-user", {"accountjids": f"{bob.jid} {new.jid}"}, True),
    ]
    logged = own.log.wait("admin_command", lambda e: e.get("command") == "delete-user")
    assert (logged["who"], logged["from"], logged["result"]) == (full, "xmpp", "done")


def test_deleted_user_is_gone_and_cannot_come_back(own: Node) -> None:
    root, bob = registered(own, "root"), registered(own, "bob")

    async def run() -> None:
        async with session(root, own.address(), own.ca_file, "xep_0050") as admin:
            async with session(bob, own.address(), own.ca_file) as victim:
                await admin.form_command(f"{ADMIN}delete-user", accountjids=[bob.jid])
                await asyncio.wait_for(victim.ended, TIMEOUT_S)
            async with session(bob, own.address(), own.ca_file) as again:
                assert again.started.result() == "failed"

    asyncio.run(run())


def test_others_find_no_commands_and_may_run_none(own: Node) -> None:
    bob = registered(own, "bob")

    async def run() -> None:
        async with session(bob, own.address(), own.ca_file, "xep_0050", "xep_0133") as user:
            offered = await user["xep_0133"].get_commands(HOST, timeout=TIMEOUT_S)
            assert not offered["disco_items"]["items"]
            with pytest.raises(IqError) as refused:
                await user.form_command(f"{ADMIN}get-registered-users-num")
            assert refused.value.condition == "forbidden"

    asyncio.run(run())


def test_new_user_registers_and_leaves_again(own: Node) -> None:
    new = account("newcomer")

    async def register(client: Session, form: Any) -> None:
        assert form["register"]["instructions"]
        answer = client.Iq()
        answer["type"] = "set"
        answer["register"]["username"] = new.user
        answer["register"]["password"] = new.password
        await answer.send(timeout=TIMEOUT_S)

    async def run() -> None:
        client = Session(new, own.ca_file, ["xep_0077"])
        # Without it, slixmpp 1.8.3 sends no stanza before a session, not even its own plugin's.
        client._always_send_everything = True  # noqa: SLF001

        async def on_form(form: Any) -> None:
            await register(client, form)

        client.add_event_handler("register", on_form)
        address = own.address()
        client.connect((address.ip, address.port))
        assert await asyncio.wait_for(asyncio.shield(client.started), TIMEOUT_S) == "started"
        await client["xep_0077"].change_password("another", jid=HOST, timeout=TIMEOUT_S)
        await client["xep_0077"].cancel_registration(timeout=TIMEOUT_S)
        await asyncio.wait_for(client.ended, TIMEOUT_S)
        client.abort()

    asyncio.run(run())
    assert own.ctl("registered_users", HOST) == []
