"""Nodes with pages, and what people do there again and again."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from browser.browser import Browser, Window
from harness.node import Account, Node

if TYPE_CHECKING:
    from browser.life import Life

# The environment's name of the folder for the pictures in docs/: see docs/admin.md.
PICTURES = "DOCS_PICTURES"


class Site:
    """Before its nodes start."""

    life: Life  # if there is any

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.host = nodes[0].hosts[0]
        self.administrator = Account("admin", self.host, secrets.token_hex(8))
        for node in nodes:
            node.serve_http()
            node.config["admins"] = [self.administrator.jid]

    def register_administrator(self) -> None:
        self.nodes[0].register(self.administrator)

    def url(self, path: str, node: int = 0) -> str:
        return f"http://localhost:{self.nodes[node].http_address().port}{path}"

    def sign_in(self, window: Window, path: str = "/admin/", node: int = 0) -> None:
        window.go(self.url(path, node))
        fill_in(window, self.administrator.jid, self.administrator.password)
        window.see(css="main#main h1")

    def administration(self, browser: Browser, path: str = "/admin/", **how: object) -> Window:
        """A new window in which the administrator is signed in."""
        window = browser.window(**how)  # type: ignore[arg-type]
        self.sign_in(window, path)
        return window


def fill_in(window: Window, jid: str, password: str) -> None:
    """The form of the sign-in page, in any language."""
    window.fill(jid, css="#jid")
    window.fill(password, css="#password")
    window.click(css="form button[type=submit]")


def picture(window: Window, name: str) -> None:
    """For docs/, if somebody wants new ones."""
    if PICTURES in os.environ:
        window.screenshot(Path(os.environ[PICTURES]).resolve() / f"{name}.png")


def wait_for_history(window: Window, minutes: int) -> None:
    """For pictures only: until the nodes have something to tell of the last hour."""
    while PICTURES in os.environ:
        known = window.evaluate("fetch('/api/load_last_hour').then((answer) => answer.json())"
                                ".then(({ series, step_s }) => series.sessions.length * step_s)")
        if known >= 60 * minutes:
            return
        time.sleep(5)
