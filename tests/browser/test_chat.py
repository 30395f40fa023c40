"""The web client at /chat, and a cluster that is watched while people chat."""

from __future__ import annotations

import itertools
import secrets

from browser.browser import Browser, Window
from browser.site import Site, picture
from harness.balancer import Balancer
from harness.node import Account, Node
from harness.waiting import eventually

_serial = itertools.count(1)


def new_account(site: Site, name: str) -> Account:
    account = Account(f"{name}-{next(_serial)}", site.host, secrets.token_hex(8))
    site.nodes[0].register(account)
    return account


def open_chat(browser: Browser, url: str, account: Account) -> Window:
    window = browser.window(width=1000)
    window.go(url)
    window.fill(account.jid, css="input[name=jid]")
    window.fill(account.password, css="input[name=password]")
    window.click(css="converse-login-form [type=submit]")
    window.see(css="converse-user-profile")
    return window


def talk_to(window: Window, other: Account) -> None:
    window.evaluate(f"location.hash = 'converse/chat?jid={other.jid}'")
    window.see(css="textarea.chat-textarea")


def say(window: Window, words: str) -> None:
    window.fill(words, css="textarea.chat-textarea")
    window.press("Enter")


def befriend(site: Site, one: tuple[Account, str], other: tuple[Account, str]) -> None:
    """Each has the other in the roster, by name."""
    for (owner, _), (contact, name) in ((one, other), (other, one)):
        site.nodes[0].ctl("add_rosteritem", owner.user, owner.host, contact.user, contact.host,
                          name, "", "both")


TALK = (("Good morning! Have you seen the plan for Thursday?", "Just now. Looks good to me."),
        ("Only the room is too small for twelve.", "The one upstairs is free, I have asked."),
        ("Shall we take it?", "We shall."))


def test_two_browsers_chat_and_ask_nobody_else(site: Site, browser: Browser) -> None:
    adele, hugo = Account("adele", site.host, "a word"), Account("hugo", site.host, "a word")
    site.nodes[0].register(adele)
    site.nodes[0].register(hugo)
    befriend(site, (adele, "Adele Brandt"), (hugo, "Hugo Fernandes"))
    url = site.url("/chat/")
    here, there = open_chat(browser, url, adele), open_chat(browser, url, hugo)
    talk_to(here, hugo)
    talk_to(there, adele)
    for question, answer in TALK:
        say(here, question)
        there.see(text=question)
        say(there, answer)
        here.see(text=answer)
    assert here.count("converse-rooms-list:visible") == 0, "there is no group chat to offer"
    picture(here, "chat")
    home = site.url("/")
    ours = (home, home.replace("http", "ws"), "data:", "blob:")
    for window in (here, there):
        asked = window.asked()
        assert any(url.startswith("ws") for url in asked)
        assert [url for url in asked if not url.startswith(ours)] == []
        assert [line for line in window.problems() if "TypeError" in line] == []
        window.close()


UNDER_WAY = """[...document.querySelectorAll('progress')].some(
    ({ value, max }) => value > 0 && value < max)"""


def test_node_is_drained_while_people_chat(three: Site, browser: Browser) -> None:
    alice, bob = new_account(three, "alice"), new_account(three, "bob")
    leaving, staying = three.nodes[1], three.nodes[2]
    name = leaving.config["cluster"]["name"]
    befriend(three, (alice, "Alice"), (bob, "Bob"))
    three.life.crowd(leaving, 60)
    balancer = Balancer([leaving, staying], Node.http_address)
    here = open_chat(browser, f"http://localhost:{balancer.address.port}/chat/", alice)
    there = open_chat(browser, three.url("/chat/", node=2), bob)
    talk_to(here, bob)
    talk_to(there, alice)
    say(here, "before")
    there.see(text="before")

    page = three.administration(browser, "/admin/#/sessions")
    page.see(css=f"tr:has-text('{alice.jid}'):has-text('{name}')")
    page.click(css="nav a[href='#/cluster']")
    page.see(css="[aria-label=Nodes] tbody tr:nth-child(3)")
    page.click(css=f"tr:has-text('{name}') button:has-text('Drain')")
    page.click(css="dialog button[type=submit]")
    page.click(css=".note button")
    page.see(css=f"tr:has-text('{name}') progress")
    eventually(lambda: page.evaluate(UNDER_WAY))
    assert "left" in page.text(css=".progress")
    picture(page, "admin-drain")
    for number in range(10):
        say(there, f"while it drains {number}")
    assert leaving.wait_exit() == 0
    for number in range(10):
        here.see(text=f"while it drains {number}", exact=True)
        said = here.evaluate("document.body.innerText").split("\n")
        assert said.count(f"while it drains {number}") == 1
    say(here, "still here")
    there.see(text="still here")
    eventually(lambda: page.count("[aria-label=Nodes] tbody tr") == 2)
    page.see(css=f".timeline li:has-text('{name} has left')")
    picture(page, "admin-timeline")
    page.click(css="nav a[href='#/sessions']")
    page.see(css=f"tr:has-text('{alice.jid}'):has-text('{staying.config['cluster']['name']}')")
    page.click(css="nav a[href='#/overview']")
    page.see(text="2 of 2")
    page.close()
    here.close()
    there.close()
    balancer.close()
