"""Every command of starlingctl against a running node: once as it should be, once with something
wrong; and what the commands do to clients that are connected."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from daemon.sessions import registered, run, session
from harness.node import Account, Node, build_folder
from harness.xmpp.client import SaslFailed
from harness.xmpp.items import CLIENT, ROSTER, STREAM

HOST = "example.test"

# How each command is called so that it succeeds, in this order; "%" is the node's folder.
GOOD = """
status
registered_vhosts
stats onlineusers
stats_host registeredusers example.test
metrics
advise 1000000 25
overview
load_last_hour
list_hosts
list_options modules.archive
list_certificates
cluster_events
recent_log info 10
list_accounts example.test
list_sessions example.test
get_loglevel
set_loglevel debug
set_loglevel debug stream
reopen_log
rotate_log
register bob example.test x
change_password bob example.test y
check_account bob example.test
account_info bob example.test
check_password bob example.test y
registered_users example.test
num_active_users example.test 30
set_last bob example.test 1771000000 Bye
get_last bob example.test
ban_account bob example.test spam
get_ban_details bob example.test
list_banned all
unban_account bob example.test
list_refused
unban_ip 203.0.113.7
connected_users
connected_users_info
connected_users_number
connected_users_vhost example.test
user_sessions_info bob example.test
user_resources bob example.test
num_resources bob example.test
resource_num alice example.test 1
get_presence alice example.test
status_num all
status_num_host example.test all
status_list all
status_list_host example.test all
add_rosteritem bob example.test carol other.test Carol Friends both
get_roster bob example.test
get_roster_count bob example.test
delete_rosteritem bob example.test carol other.test
set_vcard bob example.test FN Bob
get_vcard bob example.test FN
set_vcard2 bob example.test N FAMILY Builder
get_vcard2 bob example.test N FAMILY
set_nickname bob example.test Bobby
private_set bob example.test <a xmlns="b:c">d</a>
private_get bob example.test a b:c
send_message chat bob@example.test alice@example.test Subject Body
send_stanza example.test alice@example.test <message id="m1"><body>Hi</body></message>
why m1 example.test
where bob@example.test
get_offline_count bob example.test
get_mam_count bob example.test
remove_mam_for_user_with_peer bob example.test alice@example.test
remove_mam_for_user bob example.test
delete_old_mam_messages all 30
kick_session alice example.test here reason
kick_user bob example.test
kick_users example.test
create_token backup read 30
list_tokens
audit_log
backup %/backup.db
unregister bob example.test
stop
"""
# Those that this test cannot call, and where they are called.
ELSEWHERE = {
    "restore": "test_backup.py",
    "migrate_store": "test_migrate_store.py",
    "trace": "test_trace.py",
    "trace_bodies": "test_trace.py",
    "follow_log": "test_page_commands.py",
    "rebalance": "test_page_commands.py",
    "reload_config": "test_reload.py",
    "dump_config": "test_reload.py",
    "doctor": "test_doctor.py",
    "list_cluster": "test_ctl_cluster.py",
    "cluster_status": "test_ctl_cluster.py",
    "leave_cluster": "test_drain.py",
    "revoke_token": "tests/api/test_tokens.py",
}
# What is wrong with the last argument of each kind.
WRONG = {"HOST": "nowhere.test", "USER": "a b", "LOCALUSER": "a b", "LOCALHOST": "nowhere.test"}


@pytest.fixture
def own(fresh_node: Node) -> Iterator[Node]:
    """A running node without accounts, which logs into a file."""
    fresh_node.start()
    yield fresh_node


def reference() -> dict[str, list[str]]:
    """The commands and the names of their arguments; [] around those that may be left out."""
    page = subprocess.run([str(build_folder() / "starlingctl"), "--print-reference"],
                          capture_output=True, text=True, check=True).stdout
    return {words[1]: words[2:] for words in map(str.split, re.findall(
        r"^    (starlingctl .*)$", page, re.MULTILINE))}


def words_of(line: str, node: Node) -> list[str]:
    words = line.replace("%", str(node.folder)).split(" ")
    if "<" in line:  # XML is one word
        at = next(i for i, word in enumerate(words) if word.startswith("<"))
        words[at:] = [" ".join(words[at:])]
    return words


def calls(node: Node) -> list[list[str]]:
    return [words_of(line, node) for line in GOOD.strip().splitlines()]


def test_every_command_can_be_called(own: Node) -> None:
    alice = registered(own)
    known = reference()
    assert {call[0] for call in calls(own)} | set(ELSEWHERE) == set(known)

    async def main() -> None:
        await session(own, alice)
        for call in calls(own):
            done = own.run_ctl(*call, json_output=False)
            if call[0] == "rotate_log":  # it logs to standard error
                assert (done.returncode, "log_file" in done.stderr) == (1, True)
                continue
            assert done.returncode == 0, f"{call}: {done.stdout}{done.stderr}"
            assert done.stderr == "", call

    run(main)
    assert own.wait_exit() == 0


def test_every_command_refuses_what_is_wrong(own: Node) -> None:
    for call in calls(own):
        name, arguments = call[0], reference()[call[0]]
        done = own.run_ctl(*call, "one", "far", "too", "many", json_output=False)
        assert done.returncode == 2, call
        assert "help" in done.stderr, call
        required = [a for a in arguments if not a.startswith("[")]
        if required:
            done = own.run_ctl(name, *call[1:len(required)], json_output=False)
            assert done.returncode == 2, call
            assert "required" in done.stderr, (call, done.stderr)
        for i, argument in enumerate(arguments):
            if argument not in WRONG or name == "list_banned":
                continue
            if argument == "HOST" and name.endswith("_rosteritem"):
                continue  # any domain
            wrong = [*call[1:1 + i], WRONG[argument], *call[2 + i:]]
            done = own.run_ctl(name, *wrong, json_output=False)
            assert done.returncode == 1, (name, wrong, done.stdout)
            assert re.search(r"does not serve|not a valid", done.stderr), (name, done.stderr)
    assert own.ctl("status")["sessions"] == 0


def test_every_command_has_help(node: Node) -> None:
    for name in (*reference(), "completion"):
        shown = node.run_ctl(name, "--help", json_output=False)
        asked = node.run_ctl("help", name, json_output=False)
        assert (shown.returncode, asked.returncode) == (0, 0), name
        assert "starlingctl " + name in shown.stdout
        assert asked.stdout == shown.stdout


async def contacts(client: object) -> list[str]:
    answer = await client.ask(  # type: ignore[attr-defined]
        f"<iq type='get' id='%s'><query xmlns='{ROSTER}'/></iq>")
    return [item.get("jid", "") for item in answer.iter(f"{{{ROSTER}}}item")]


def test_a_roster_changed_by_ctl_is_pushed(own: Node) -> None:
    alice, bob = registered(own), registered(own, "bob")

    async def main() -> None:
        a, b = await session(own, alice), await session(own, bob)
        for client in (a, b):
            client.write("<presence/>")
            assert await contacts(client) == []
        for one, other in ((alice, bob), (bob, alice)):
            own.ctl("add_rosteritem", one.user, one.host, other.user, other.host, "", "", "both")
        push = await a.find(lambda e: e.find(f".//{{{ROSTER}}}item") is not None)
        assert push.find(f".//{{{ROSTER}}}item").get("jid") == bob.jid  # type: ignore[union-attr]
        for client, other in ((a, bob), (b, alice)):
            await client.find(lambda e, jid=other.jid: e.tag == f"{{{CLIENT}}}presence"
                              and e.get("from") == f"{jid}/here")
        assert own.ctl("get_roster", alice.user, HOST) == [
            {"jid": bob.jid, "nick": "", "subscription": "both", "pending": "none", "groups": []}]
        own.ctl("delete_rosteritem", alice.user, HOST, bob.user, HOST)
        await b.find(lambda e: e.get("type") == "unavailable")
        assert own.ctl("get_roster", bob.user, HOST)[0]["subscription"] == "none"

    run(main)


def test_a_banned_account_is_out_over_a_restart(own: Node) -> None:
    alice = registered(own)

    async def refused(account: Account, why: str) -> None:
        with pytest.raises(SaslFailed, match=why):
            await session(own, account)

    async def main() -> None:
        client = await session(own, alice)
        assert own.ctl("ban_account", alice.user, HOST, "spam") == 1
        await client.expect(f"{{{STREAM}}}error")
        await refused(alice, "account-disabled")
        await refused(alice._replace(password="wrong"), "not-authorized")
        own.restart()
        await refused(alice, "account-disabled")
        assert own.ctl("get_ban_details", alice.user, HOST)["reason"] == "spam"
        own.ctl("unban_account", alice.user, HOST)
        await session(own, alice)

    run(main)


def test_a_vcard_set_by_ctl_is_the_clients(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        client = await session(own, alice)
        await client.ask("<iq type='set' id='%s'><vCard xmlns='vcard-temp'><FN>A</FN>"
                         "<TEL><HOME/><NUMBER>1</NUMBER></TEL></vCard></iq>")
        own.ctl("set_nickname", alice.user, HOST, "Al & Co")
        own.ctl("set_vcard2", alice.user, HOST, "TEL", "WORK", "2")
        own.ctl("set_vcard2", alice.user, HOST, "TEL", "HOME", "3")
        own.ctl("set_vcard", alice.user, HOST, "FN", "")
        answer = await client.ask("<iq type='get' id='%s'><vCard xmlns='vcard-temp'/></iq>")
        numbers = [e.text for e in answer.iter("{vcard-temp}NUMBER")]
        assert sorted(numbers, key=str) == ["2", "3"]
        assert answer.findtext(".//{vcard-temp}NICKNAME") == "Al & Co"
        assert answer.find(".//{vcard-temp}FN") is None
        assert own.ctl("get_vcard2", alice.user, HOST, "TEL", "WORK") == "2"
        done = own.run_ctl("get_vcard", alice.user, HOST, "FN", json_output=False)
        assert (done.returncode, done.stderr) == (1, "starlingctl: the vCard has no FN\n")

    run(main)


def test_lists_are_lines_with_tabs(own: Node) -> None:
    alice = registered(own)

    async def main() -> None:
        client = await session(own, alice)
        client.write("<presence><show>dnd</show><status>a\tb\nc</status></presence>")
        await client.find(lambda e: e.tag == f"{{{CLIENT}}}presence")
        text = own.run_ctl("connected_users_info", json_output=False).stdout
        jid, connection, ip, _port, priority, _uptime, show, resource, status = text.split("\t")
        assert (jid, connection, ip) == (f"{alice.jid}/here", "c2s_tls", "127.0.0.1")
        assert (priority, show, resource) == ("0", "dnd", "here")
        assert status == "a\\tb\\nc\n"

    run(main)


def test_lists_come_by_pages(own: Node) -> None:
    accounts = [registered(own, user) for user in ("alice", "bob", "carol")]

    def pages(command: str, *arguments: str) -> list[list[str]]:
        found = [own.ctl(command, *arguments, "", "2")]
        while len(found[-1]) == 2:
            found.append(own.ctl(command, *arguments, found[-1][-1], "2"))
        return found

    async def main() -> None:
        for account in accounts:
            await session(own, account)
        jids = [f"{account.jid}/here" for account in accounts]
        assert pages("registered_users", HOST) == [["alice", "bob"], ["carol"]]
        assert pages("connected_users") == [jids[:2], jids[2:]]
        assert pages("connected_users_vhost", HOST) == [jids[:2], jids[2:]]
        for account in accounts[:2]:
            own.ctl("ban_account", account.user, HOST, "spam")
        assert pages("list_banned", "all") == [[a.jid for a in accounts[:2]], []]

    run(main)


def test_log_levels_and_files_change_at_run_time(fresh_node: Node) -> None:
    node = fresh_node
    node.start()
    levels = node.ctl("get_loglevel")
    assert set(levels.values()) == {"debug"}
    node.ctl("set_loglevel", "error", "stream")
    assert node.ctl("get_loglevel")["stream"] == "error"
    assert node.ctl("get_loglevel")["core"] == "debug"
    account = registered(node)

    async def main() -> None:
        await session(node, account, "unseen")
        node.ctl("set_loglevel", "info")
        await session(node, account, "seen")
        bound = node.log.wait("session_bound")
        assert bound["jid"] == f"{account.jid}/seen"
        assert (bound["subsystem"], bound["level"]) == ("stream", "info")
        assert {"session", "stream", "remote"} <= set(bound)

    run(main)


def test_no_password_is_logged(own: Node) -> None:
    alice = registered(own)
    own.ctl("change_password", alice.user, HOST, "unheard-of")
    own.ctl("check_password", alice.user, HOST, "unheard-of")
    own.ctl("send_message", "chat", HOST, alice.jid, "", "unheard-of too")
    own.ctl("set_last", alice.user, HOST, "1000000000", "unheard-of status")
    own.ctl("add_rosteritem", alice.user, HOST, "bob", HOST, "unheard-of", "unheard-of", "none")
    own.stop()
    log = own.log.path.read_text()
    assert "unheard-of" not in log
    assert alice.password not in log
    commands = [json.loads(line) for line in log.splitlines() if '"admin_command"' in line]
    assert "alice example.test ***" in {c["arguments"] for c in commands}
