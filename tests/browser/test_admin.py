"""The operator's page, as operators use it."""

from __future__ import annotations

import itertools
import secrets

import pytest

from browser.browser import Browser
from browser.site import Site, fill_in, picture
from daemon.sessions import run, session
from harness.node import Account

_serial = itertools.count(1)

LIST_PAGE = 100  # sessions, if one does not say how many

# What stands in the menu.
PAGES = {
    "overview": ("Overview", "Vue d’ensemble"),
    "cluster": ("Cluster", "Grappe"),
    "users": ("Users", "Utilisateurs"),
    "sessions": ("Sessions", "Sessions"),
    "hosts": ("Hosts", "Domaines"),
    "configuration": ("Configuration", "Configuration"),
    "certificates": ("Certificates", "Certificats"),
    "logs": ("Logs and trace", "Journaux et trace"),
    "commands": ("Commands", "Commandes"),
    "tokens": ("API tokens", "Jetons d’API"),
    "audit": ("Audit trail", "Piste d’audit"),
}


def new_account(site: Site, name: str) -> Account:
    return Account(f"{name}-{next(_serial)}", site.host, secrets.token_hex(8))


def test_wrong_password_then_right_one(site: Site, browser: Browser) -> None:
    window = browser.window()
    window.go(site.url("/admin/"))
    picture(window, "admin-sign-in")
    fill_in(window, site.administrator.jid, "guessed")
    window.see(role="alert")
    assert "wrong" in window.text(role="alert")
    fill_in(window, site.administrator.jid, site.administrator.password)
    window.see(role="heading", name="Overview")
    window.close()


def test_who_is_no_administrator_stays_outside(site: Site, browser: Browser) -> None:
    user = new_account(site, "user")
    site.nodes[0].register(user)
    window = browser.window()
    window.go(site.url("/admin/"))
    fill_in(window, user.jid, user.password)
    window.see(role="alert")
    window.close()


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_every_page_is_there_and_asks_nobody_else(site: Site, browser: Browser,
                                                  language: str) -> None:
    window = site.administration(browser, language=language)
    for page, titles in PAGES.items():
        window.click(css=f"nav a[href='#/{page}']")
        window.see(role="heading", name=titles[language.startswith("fr")])
        window.see_no(css="main .waiting")
        assert window.count("main .notice.bad[role=alert]") == 0, \
            f"{page}: {window.text(css='main')}"
    home = site.url("/")
    assert [url for url in window.asked() if not url.startswith((home, "data:"))] == []
    # Before one has signed in, the question whether one has is answered by 401; what other nodes
    # there are, by a node that is alone, by 400.
    said = [line for line in window.problems() if "of 401" not in line and "of 400" not in line]
    assert said == []
    window.close()


def test_narrow_screen_has_a_menu_and_nothing_beside_it(site: Site, browser: Browser) -> None:
    window = site.administration(browser, width=375, height=700)
    for page in PAGES:
        window.click(role="button", name="Menu")
        window.click(css=f"nav a[href='#/{page}']")
        window.see(role="heading", name=PAGES[page][0])
        wider = window.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{page} is {wider} pixels too wide"
    window.close()


def test_live_session_appears_and_goes(site: Site, browser: Browser) -> None:
    alice = new_account(site, "alice")
    site.nodes[0].register(alice)
    window = site.administration(browser, "/admin/#/sessions")

    async def main() -> None:
        client = await session(site.nodes[0], alice)
        client.write("<presence><show>away</show></presence>")
        window.see(text=alice.jid)
        window.see(text="away")
        await client.close()

    run(main)
    window.see_no(text=alice.jid)
    window.close()


def test_created_user_can_log_in_and_is_kicked(site: Site, browser: Browser) -> None:
    carol = new_account(site, "carol")
    window = site.administration(browser, "/admin/#/users")
    window.click(role="button", name="Create account")
    window.fill(carol.user, css="dialog input[name=user]")
    window.fill(carol.password, css="dialog input[name=password]")
    window.click(css="dialog button[type=submit]")
    window.see(role="heading", name=carol.jid)

    async def main() -> None:
        client = await session(site.nodes[0], carol)
        client.write("<presence/>")
        window.see(css="table td:has-text('available')")
        window.click(role="button", name="Kick")
        window.fill("stuck", css="dialog input[name=reason]")
        window.click(css="dialog button[type=submit]")
        await client.find(lambda e: e.tag.endswith("}error"))

    run(main)
    window.click(css="nav a[href='#/audit']")
    window.see(css="td:has-text('register')")
    window.see(css="td:has-text('kick_session')")
    window.see(css=f"td:has-text('{site.administrator.jid}')")
    assert carol.password not in window.text(css="main")
    window.close()


def set_up_again(site: Site, **api: object) -> None:
    node = site.nodes[0]
    node.config["api"] = api
    node.write_config()
    node.ctl("reload_config")


def test_expired_session_says_so_and_leads_back(site: Site, browser: Browser) -> None:
    # This page asks every five seconds: too seldom for this.
    set_up_again(site, session_idle=3)
    try:
        window = site.administration(browser, "/admin/#/sessions?filter=nobody")
        window.see(text="Your session has expired")
    finally:
        set_up_again(site)
    fill_in(window, site.administrator.jid, site.administrator.password)
    window.see(role="heading", name="Sessions")
    assert window.url.endswith("/admin/#/sessions?filter=nobody")
    window.close()


def test_user_has_all_sessions_beside_many_that_look_like_them(site: Site,
                                                               browser: Browser) -> None:
    bob, other = Account("bob", site.host, "secret word"), Account("a", site.host, "secret word")
    for account in (bob, other):
        site.nodes[0].register(account)

    async def main() -> None:
        await session(site.nodes[0], bob, "phone")
        for number in range(LIST_PAGE):
            await session(site.nodes[0], other, f"{bob.jid}/{number}")
        window = site.administration(browser, f"/admin/#/users/{bob.jid}")
        window.see(css="tr:has-text('phone') button:has-text('Kick')")
        assert window.count("[aria-labelledby=sessions] tbody tr") == 1
        window.close()

    run(main)


def test_sign_out_everywhere_ends_the_other_window(site: Site, browser: Browser) -> None:
    here = site.administration(browser)
    there = site.administration(browser, "/admin/#/sessions")
    here.click(css="details.who summary")
    here.click(role="button", name="Sign out everywhere")
    here.click(css="dialog button[type=submit]")
    here.see(text="You have signed out everywhere")
    there.see(text="Your session has expired")
    here.close()
    there.close()


def test_any_command_is_a_form(site: Site, browser: Browser) -> None:
    window = site.administration(browser, "/admin/#/commands/registered_users")
    window.fill(site.host, label="host")
    window.click(role="button", name="Run")
    window.see(css="main pre:has-text('admin')")
    window.close()


def test_token_is_shown_once_and_revoked(site: Site, browser: Browser) -> None:
    window = site.administration(browser, "/admin/#/tokens")
    window.click(role="button", name="Create token")
    window.fill("a script", css="dialog input[name=name]")
    window.click(css="dialog button[type=submit]")
    window.see(text="This is the only time the token is shown")
    window.click(css="dialog button:has-text('Close')")
    window.see(css="tbody tr:has-text('a script')")
    window.click(role="button", name="Revoke")
    window.click(css="dialog button[type=submit]")
    window.see_no(css="tbody tr:has-text('a script')")
    window.close()
