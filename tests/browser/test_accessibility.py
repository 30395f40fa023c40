"""The operator's page for everybody: by keyboard alone, in both colour schemes, on narrow screens,
and without what WCAG 2 forbids. On its way through the pages it makes the pictures for docs/."""

from __future__ import annotations

import secrets

from browser.browser import Browser, Window
from browser.site import Site, fill_in, picture, wait_for_history
from harness.node import Account

WIDE, NARROW = (1280, 800), (375, 812)

# Where one can go, what is there once the page has its answers, and the picture of it, if any.
_PLACES = {
    "cluster": ("[aria-labelledby=hears] tbody tr:nth-child(3) .state.good", "cluster"),
    "users": ("tbody tr:nth-child(20)", "users"),
    "users/adele@example.org": ("[aria-labelledby=roster] tbody tr", "user"),
    "sessions": ("tbody tr:nth-child(12)", "sessions"),
    "hosts": ("tbody tr:nth-child(2)", "hosts"),
    "configuration?set=1": (".options li", "configuration"),
    "certificates": ("tbody tr:nth-child(2)", "certificates"),
    "logs": (".line", "logs"),
    "logs/trace?jid=adele@example.org": (".lines > div:nth-child(8)", "trace"),
    "logs/where?jid=adele@example.org": ("[role=group] tbody tr", ""),
    "logs/why?id=m5": ("[role=group] tbody tr", "why"),
    "commands": (".command-list a", ""),
    "commands/get_roster": ("form button[type=submit]", ""),
    "tokens": ("tbody tr:nth-child(3)", "tokens"),
    "audit": ("tbody tr:nth-child(10)", "audit"),
    "overview": (".charts canvas", "overview"),
}

# The name of what has the focus, if one can see that it has.
_FOCUSED = """(() => {
  const at = document.activeElement;
  if (at === document.body || getComputedStyle(at).outlineStyle === "none") return "";
  return at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText.trim() ?? at.innerText.trim();
})()"""


def go_to(window: Window, place: str) -> None:
    window.evaluate(f"location.hash = '#/{place}'")
    window.see(css=_PLACES[place][0])
    window.see_no(css="main .waiting")


def assert_fair(window: Window, where: str) -> None:
    assert window.violations() == [], where
    window.darken()
    assert window.violations("color-contrast") == [], f"{where}, dark"
    window.darken(False)
    window.resize(*NARROW)
    assert window.violations() == [], f"{where}, narrow"
    window.resize(*WIDE)


def test_every_page_is_accessible_in_both_schemes_and_on_narrow_screens(
        three: Site, browser: Browser) -> None:
    window = browser.window(*WIDE)
    window.go(three.url("/admin/"))
    window.see(css="#jid")
    assert_fair(window, "sign-in")
    fill_in(window, three.administrator.jid, three.administrator.password)
    for place, (_, name) in _PLACES.items():
        if place == "overview":
            wait_for_history(window, minutes=3)
        go_to(window, place)
        if name:
            picture(window, f"admin-{name}")
        assert_fair(window, place)
    window.click(css="details.who summary")
    assert_fair(window, "the menu of one's account")
    go_to(window, "commands/get_roster")
    window.fill("adele", css="#command-user")
    window.fill(three.host, css="#command-host")
    window.click(role="button", name="Run")
    window.see(css=".answer tbody tr")
    picture(window, "admin-commands")
    assert_fair(window, "the answer of a command")
    go_to(window, "tokens")
    window.click(role="button", name="Create token")
    window.fill("deployment", css="dialog input[name=name]")
    assert_fair(window, "a dialog")
    window.click(css="dialog button[type=submit]")
    window.see(text="This is the only time the token is shown")
    picture(window, "admin-token")
    assert_fair(window, "what a dialog says")
    window.click(css="dialog button:has-text('Close')")
    window.darken()
    go_to(window, "overview")
    picture(window, "admin-dark")
    window.darken(False)
    window.click(css="button[lang=fr]")
    go_to(window, "sessions")
    assert_fair(window, "in French")
    picture(window, "admin-french")
    window.resize(*NARROW)
    go_to(window, "users/adele@example.org")
    picture(window, "admin-narrow")
    window.close()


def tab_to(window: Window, name: str) -> None:
    """Tab, until the focus is seen at what is called so."""
    passed = []
    for _ in range(40):
        window.press("Tab")
        passed.append(window.evaluate(_FOCUSED))
        if passed[-1] == name:
            return
    raise AssertionError(f"no {name!r} among {passed}")


def test_keyboard_alone_signs_in_goes_to_a_page_and_uses_a_form(site: Site,
                                                                browser: Browser) -> None:
    person = Account("keyboard", site.host, secrets.token_hex(8))
    window = browser.window()
    window.go(site.url("/admin/"))
    window.see(css="#jid:focus")
    window.type(site.administrator.jid)
    tab_to(window, "Password")
    window.type(site.administrator.password)
    window.press("Enter")
    window.see(role="heading", name="Overview")
    tab_to(window, "Skip to the content")
    window.press("Enter")
    window.press("Tab")
    assert window.evaluate(_FOCUSED) == "Examine this node", "the first thing there"
    window.reload()
    window.see(role="heading", name="Overview")
    tab_to(window, "Users")
    window.press("Enter")
    window.see(role="heading", name="Users")
    tab_to(window, "Create account")
    window.press("Enter")
    window.see(css="dialog input[name=user]:focus")
    window.type(person.user)
    tab_to(window, "Host")
    window.type(site.host)
    tab_to(window, "Password")
    window.type(person.password)
    window.press("Enter")
    window.see(role="heading", name=person.jid)
    assert person.user in site.nodes[0].ctl("registered_users", site.host)
    tab_to(window, "Change password")
    window.press("Enter")
    window.see(css="dialog[open]")
    window.press("Escape")
    window.see_no(css="dialog")
    assert window.evaluate(_FOCUSED) == "Change password"
    window.close()
