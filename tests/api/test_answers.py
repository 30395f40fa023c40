"""Every command is called, and answers what openapi.json says: the client that is used here checks
that (harness/api.py). So that the descriptions are not checked against empty lists only, it is
counted which parts of them were seen."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from api.conftest import ADMIN, token, with_api
from api.seen import Seen, answers, parts
from daemon.sessions import registered, run, session
from harness.api import Api
from harness.cluster import Cluster
from harness.node import ROOT, Account, Node
from harness.waiting import eventually
from harness.xmpp.client import Client

HOST = "example.test"
BOB = Account("bob", HOST, "secret")
OF_BOB = {"user": "bob", "host": HOST}
_SM = "urn:xmpp:sm:3"

# What is seen only while something else is wrong: a node is frozen or of another version, the
# caller is slow, the doctor has something to say.
_RARE = re.compile(r"""
    .*\.missing\[\]
    | /api/list_sessions\.items\[\]\.(node|home)\|1   # the node has just left
    | /api/list_cluster\[\]\.\w+\|1                   # "unknown"
    | /api/cluster_status\[\]\|1.*                    # does not answer
    | /api/cluster_events\.items\[\]\|1.*             # unheard
    | /api/trace(_bodies)?\ line\|1.*                 # left_out
    | /api/follow_log\ end.*                          # its caller is gone then
    | /api/trace_bodies\ line\|2\.node                # as trace has it, in a cluster
    """, re.VERBOSE)


def test_every_command_says_all_of_what_it_answers() -> None:
    """No part of an answer is just any JSON, and nothing else is in it."""
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    for name, schema in answers(document).items():
        for path, part in parts(schema, name):
            assert part.keys() & {"type", "anyOf", "const"}, path
            if part.get("type") in ("object", ["object", "null"]):
                assert part["additionalProperties"] is False or (
                    part["additionalProperties"] != {}), path
                assert set(part.get("required", [])) <= set(part.get("properties", {})), path
            elif part.get("type") == "array":
                assert "items" in part, path


@pytest.fixture
def lone(fresh_node: Node) -> Node:
    with_api(fresh_node).config |= {"trace_bodies": True, "drain": {"linger": "60 seconds"}}
    fresh_node.config["modules"]["fail2ban"] = {
        "slow_after": 1000, "max_failures_per_address": 1000, "max_failures_per_account": 2}
    fresh_node.start()
    fresh_node.register(ADMIN)
    return fresh_node


def test_answers_are_as_they_are_described(lone: Node, api_pair: Cluster) -> None:
    seen = Seen()
    api = Api(lone, token(lone))
    api.on_answer = seen.note
    page = Api(lone)
    page.sign_in(ADMIN.jid, ADMIN.password)
    page.on_answer = seen.note
    _call_about_accounts(api)
    _call_about_tokens(api, page)
    _call_about_bans(api, page)

    async def main() -> None:
        client = await session(lone, BOB)
        client.write("<presence><show>away</show><status>Out</status></presence>")
        await client.ping(HOST)
        _call_about_sessions(api, client)
        _call_about_messages(api)
        _call_streams(api, client)
        _call_about_the_node(api, lone)

    run(main)
    run(lambda: _call_about_a_cluster(api_pair, seen))
    unseen = seen.unseen(api.openapi())
    assert not {path for path in unseen if not _RARE.fullmatch(path)}


def _call_about_accounts(api: Api) -> None:
    api.result("register", **OF_BOB, password="x")
    api.result("change_password", **OF_BOB, password=BOB.password)
    api.result("check_account", **OF_BOB)
    api.result("check_password", **OF_BOB, password=BOB.password)
    assert api.result("registered_users", host=HOST) == ["bob", "root"]
    assert api.result("registered_users", host=HOST, limit=1) == ["bob"]
    assert api.result("registered_users", host=HOST, after="bob", limit=1) == ["root"]
    assert api.call("registered_users", host=HOST, limit=10001).status == 400
    assert api.result("get_last", **OF_BOB)["timestamp"] == ""
    api.result("set_last", **OF_BOB, timestamp=1771000000, status="Bye")
    assert api.result("get_last", **OF_BOB)["status"] == "Bye"
    assert api.result("num_active_users", host=HOST, days=36500) == 1
    api.result("add_rosteritem", localuser="bob", localhost=HOST, user="carol", host="other.test",
               nick="Carol", groups="A,B", subs="both")
    assert api.result("get_roster", **OF_BOB)[0]["groups"] == ["A", "B"]
    assert api.result("get_roster", **OF_BOB, after="carol@other.test", limit=1) == []
    assert api.result("get_roster_count", **OF_BOB) == 1
    api.result("delete_rosteritem", localuser="bob", localhost=HOST, user="carol",
               host="other.test")
    api.result("set_nickname", **OF_BOB, nickname="Bób")
    api.result("set_vcard", **OF_BOB, name="FN", content="Bób & Co")
    api.result("get_vcard", **OF_BOB, name="FN")
    api.result("set_vcard2", **OF_BOB, name="N", subname="FAMILY", content="Co")
    api.result("get_vcard2", **OF_BOB, name="N", subname="FAMILY")
    api.result("private_set", **OF_BOB, element="<a xmlns='b:c'>d</a>")
    api.result("private_get", **OF_BOB, element="a", ns="b:c")
    assert api.result("list_accounts", host=HOST, limit=1)["next"] == "bob"


def _call_about_tokens(api: Api, page: Api) -> None:
    made = page.result("create_token", name="unused", scopes="read,session:write", days=1)
    assert {one["last_used"] == "" for one in api.result("list_tokens")} == {True, False}
    assert api.result("list_tokens", limit=1)[0]["id"] != made["id"]  # the older one
    assert api.result("list_tokens", after=made["id"], limit=1) == []
    page.result("revoke_token", id=made["id"])
    assert api.result("audit_log", limit=2)["next"] is not None


def _call_about_bans(api: Api, page: Api) -> None:
    api.result("ban_account", **OF_BOB, reason="spam")
    api.result("get_ban_details", **OF_BOB)
    assert api.result("list_banned", host="all") == [BOB.jid]
    assert api.result("list_banned", host="all", after=BOB.jid, limit=1) == []
    api.result("account_info", **OF_BOB)
    api.result("unban_account", **OF_BOB)
    for _ in range(2):
        assert page.ask("POST", "/api/session", {"jid": BOB.jid, "password": "y"}).status == 401
    assert [one["name"] for one in api.result("list_refused")] == [BOB.jid]
    assert api.result("unban_ip", address=BOB.jid) == 1


def _call_about_sessions(api: Api, client: Client) -> None:
    full = f"{BOB.jid}/{client.resource}"
    assert api.result("connected_users") == [full]
    assert api.result("connected_users", after=full, limit=1) == []
    assert api.result("connected_users_info")[0]["statustext"] == "Out"
    assert api.result("connected_users_number") == 1
    assert api.result("connected_users_vhost", host=HOST) == [full]
    api.result("user_sessions_info", **OF_BOB)
    assert api.result("user_resources", **OF_BOB) == [client.resource]
    assert api.result("num_resources", **OF_BOB) == 1
    assert api.result("resource_num", **OF_BOB, num=1) == client.resource
    assert api.result("get_presence", **OF_BOB)["jid"] == full
    assert api.result("status_num", status="away") == 1
    assert api.result("status_num_host", host=HOST, status="all") == 1
    assert api.result("status_list", status="away")[0]["status"] == "Out"
    api.result("status_list_host", host=HOST, status="away")
    assert api.result("list_sessions", filter=HOST)["items"][0]["show"] == "away"


def _call_about_messages(api: Api) -> None:
    to_root = {"from": BOB.jid, "to": ADMIN.jid}
    api.result("send_message", type="chat", **to_root, subject="", body="x")
    api.result("send_stanza", **to_root, stanza="<message id='m1'><body>x</body></message>")
    of_root = {"user": ADMIN.user, "host": HOST}
    eventually(lambda: api.result("get_offline_count", **of_root) == 2)
    eventually(lambda: api.result("get_mam_count", **OF_BOB) == 2)
    assert [one["event"] for one in api.result("why", id="m1")][-1] == "waits"
    assert api.result("where", jid=BOB.jid)["home"] == 0
    info = api.result("account_info", **OF_BOB)
    assert (info["archived"], len(info["sessions"])) == (2, 1)
    peer = {**OF_BOB, "with": ADMIN.jid}
    assert api.result("remove_mam_for_user_with_peer", **peer) == 2
    api.result("remove_mam_for_user", **OF_BOB)
    assert api.result("delete_old_mam_messages", type="all", days=0) == 2


def _call_streams(api: Api, client: Client) -> None:
    for command in ("trace", "trace_bodies"):
        with api.follow(command, jid=BOB.jid, count=1) as events:
            assert next(events) == ("", {"tracing": BOB.jid})
            client.write("<presence><show>away</show><status>Out</status></presence>")
            assert [name for name, _ in islice(events, 2)] == ["", "end"]
    with api.follow("follow_log", level="info") as events:
        assert next(events) == ("", {"following": "info"})
        eventually(lambda: _logged(api, events))


def _logged(api: Api, events: Iterator[tuple[str, Any]]) -> bool:
    api.result("kick_user", user="nobody", host=HOST)
    return next(events)[1].get("command") == "kick_user"


def _call_about_the_node(api: Api, node: Node) -> None:
    """With one session. What ends sessions, logs elsewhere, or ends the node comes last."""
    assert api.result("status")["hosts"] == node.hosts
    assert api.result("registered_vhosts") == node.hosts
    assert api.result("stats", name="registeredusers") == 2
    assert api.result("stats_host", name="onlineusers", host=HOST) == 1
    assert api.result("metrics").startswith("# ")
    assert api.result("overview")["sessions"] == 1
    eventually(lambda: api.result("load_last_hour")["series"]["sessions"])
    api.result("list_hosts")
    api.result("list_options", prefix="modules.")
    api.result("list_certificates")
    api.result("doctor")
    api.result("advise", users=1000000, online=25)
    assert "trace_bodies: true" in api.result("dump_config")
    assert api.result("recent_log", level="info", limit=1)["items"]
    assert api.result("backup", file=str(node.folder / "backup.db"))["accounts"] == 2
    api.result("set_loglevel", level="info")
    api.result("set_loglevel", level="debug", subsystem="stream")
    levels = api.result("get_loglevel")
    assert (levels["stream"], levels["core"]) == ("debug", "info")
    api.result("kick_session", **OF_BOB, resource="here", reason="")
    api.result("kick_users", host=HOST)
    api.result("unregister", **OF_BOB)
    node.config["log_file"] = str(node.folder / "starling.log")
    node.write_config()
    [change] = api.result("reload_config")
    assert change.startswith("log_file: ")
    api.result("rotate_log")
    api.result("reopen_log")
    api.result("stop")
    eventually(lambda: api.result("status")["draining"])
    node.signal(signal.SIGINT)  # one more, and it does not linger


async def _managed(node: Node, account: Account) -> Client:
    """Its session can be resumed, and so is parked when the node leaves."""
    client = await session(node, account)
    client.write(f"<enable xmlns='{_SM}' resume='true'/>")
    await client.expect(f"{{{_SM}}}enabled")
    client.write("<presence/>")
    await client.ping(account.host)
    return client


async def _call_about_a_cluster(pair: Cluster, seen: Seen) -> None:
    here, there = pair
    api = Api(here, token(here))
    api.on_answer = seen.note
    assert api.result("rebalance")["moving"] == 0
    alice = registered(here)
    assert "keeper" in api.result("where", jid=alice.jid)
    await session(here, alice, "tablet")  # so this is alice's home
    guest = await _managed(there, alice)
    others = [registered(here, f"user{n}") for n in range(8)]  # some of them of another worker
    for other in others:
        guest.write(f"<message to='{other.jid}' id='m1'><body>x</body></message>")
    await guest.ping(HOST)
    assert {one["name"] for one in api.result("why", id="m1")} >= {"n2"}
    assert len(api.result("where", jid=alice.jid)["sessions"]) == 2
    assert {one["node"] for one in api.result("list_sessions")["items"]} == {"n1", "n2"}
    assert api.result("list_sessions", limit=1)["next"] == f"{alice.jid}/here"
    api.result("list_accounts", host=HOST)
    api.result("account_info", user=alice.user, host=HOST)
    with api.follow("trace", jid=alice.jid, count=1) as events:
        next(events)
        guest.write("<presence/>")
        assert next(events)[1]["node"] == "n2"
    eventually(lambda: all(one["hears"] for one in api.result("list_cluster")))
    assert len(api.result("cluster_status")) == 2
    eventually(lambda: {one["event"] for one in api.result("cluster_events")["items"]}
               >= {"joined", "up", "lease"})
    there.config["drain"] = {"linger": "60 seconds"}
    there.write_config()
    Api(there, api.token).result("reload_config")
    api.result("leave_cluster", node="n2")
    eventually(lambda: api.result("where", jid=f"{alice.jid}/here")["sessions"][0]["state"]
               == "parked")
    eventually(lambda: {one["name"]: one["drain_began_with"]
                        for one in api.result("list_cluster")} == {"n1": None, "n2": 1})
    eventually(lambda: "n2 is draining" in str(api.result("overview")["alerts"]))
    there.signal(signal.SIGINT)  # one more, and it does not linger
