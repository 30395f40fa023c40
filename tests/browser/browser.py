"""A Chromium whose windows a test opens and uses as people do: by labels, roles and texts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from harness.waiting import TIMEOUT_S

_FOLDER = Path(__file__).parent / "node"
_CHROMIUM = "/usr/bin/chromium"


class Browser:
    """Use as a context manager: it is gone afterwards."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(_FOLDER / "drive.js"), _CHROMIUM, str(TIMEOUT_S * 1000)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_FOLDER)
        self._windows = 0

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(TIMEOUT_S)
        self._process.stdout.close()

    def tell(self, page: int, do: str, **details: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"page": page, "do": do} | details) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser is gone"
        answer = json.loads(line)
        assert "error" not in answer, f"{do} {details}: {answer['error']}"
        return answer["ok"]

    def window(self, width: int = 1280, height: int = 800, language: str = "en-GB",
               dark: bool = False) -> Window:
        """A window with cookies of its own."""
        self._windows += 1
        return Window(self, self._windows, {
            "viewport": {"width": width, "height": height}, "locale": language,
            "colorScheme": "dark" if dark else "light", "reducedMotion": "reduce"})


class Window:
    """What is to be found is given by `role` and `name`, `label`, `text` or `css`; the first that
    fits is meant, and waited for. `within` is another such description."""

    def __init__(self, browser: Browser, number: int, options: dict[str, Any]) -> None:
        self._browser = browser
        self._number = number
        self._tell("open", options=options)

    def _tell(self, do: str, **details: Any) -> Any:
        return self._browser.tell(self._number, do, **details)

    def go(self, url: str) -> None:
        self._tell("go", url=url)

    def reload(self) -> None:
        self._tell("reload")

    def close(self) -> None:
        self._tell("close")

    def click(self, **at: Any) -> None:
        self._tell("click", at=at)

    def fill(self, value: str, **at: Any) -> None:
        self._tell("fill", value=value, at=at)

    def select(self, value: str, **at: Any) -> None:
        self._tell("select", value=value, at=at)

    def press(self, key: str) -> None:
        self._tell("press", key=key)

    def type(self, value: str) -> None:
        self._tell("type", value=value)

    def see(self, **at: Any) -> None:
        self._tell("see", at=at)

    def see_no(self, **at: Any) -> None:
        self._tell("gone", at=at)

    def text(self, **at: Any) -> str:
        return str(self._tell("text", at=at))

    def count(self, css: str) -> int:
        return int(self._tell("count", css=css))

    def evaluate(self, script: str) -> Any:
        return self._tell("evaluate", script=script)

    def resize(self, width: int, height: int) -> None:
        self._tell("resize", width=width, height=height)

    def darken(self, dark: bool = True) -> None:
        """As if the system were set to dark colours, or to light ones again."""
        self._tell("dark", dark=dark)

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds against WCAG 2, levels A and AA, or against these rules only."""
        return list(self._tell("violations", rules=rules))

    def screenshot(self, path: Path, css: str | None = None) -> None:
        self._tell("screenshot", path=str(path), css=css)

    @property
    def url(self) -> str:
        return str(self._tell("url"))

    def problems(self) -> list[str]:
        """Errors on its console since this was last asked."""
        return list(self._tell("problems"))

    def asked(self) -> list[str]:
        """The URLs it has asked for, and connected to, since this was last asked."""
        return list(self._tell("asked"))
