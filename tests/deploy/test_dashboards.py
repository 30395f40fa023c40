"""deploy/dashboards: the Grafana dashboard and the alerts, judged by promtool and Prometheus."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from daemon.sessions import registered, run, session
from harness.metrics_page import documented
from harness.node import ROOT, Node
from harness.ports import free_port
from harness.waiting import TIMEOUT_S, eventually

FOLDER = ROOT / "deploy/dashboards"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "starling.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
         for rule in group["rules"]]

# What Grafana fills in.
_VARIABLES = {"$__rate_interval": "1m", "$job": ".*", "$node": ".*"}
# Metrics that Prometheus makes itself, and labels that it adds.
_OF_PROMETHEUS = {"up"}
_ADDED = {"job", "instance"}
_WORDS = {"and", "or", "unless", "bool", "by", "on", "without", "ignoring", "offset", "group_left",
          "group_right", "inf", "nan"}


def _filled_in(expression: str) -> str:
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def _panel_expressions() -> list[tuple[str, str]]:
    """The panel's title and the expression, of each."""
    return [(panel["title"], _filled_in(target["expr"]))
            for panel in PANELS for target in panel.get("targets", [])]


def _selectors(expression: str) -> Iterator[tuple[str, str]]:
    """Each metric that a PromQL expression names, with what is in its braces."""
    # Labels after by, on and the like are no metrics.
    rest = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", expression)
    for match in re.finditer(r'([a-zA-Z_:][\w:]*)\s*(\()?(?:\{((?:"[^"]*"|[^}])*)\})?|"[^"]*"'
                             r"|\[[^\]]*\]|\d[\w.]*", rest):
        name, is_function, inside = match.groups()
        if name is not None and is_function is None and name not in _WORDS:
            yield name, inside or ""


def _promtool(*arguments: str | Path, folder: Path = FOLDER) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool, of Debian's package prometheus")
    done = subprocess.run(["promtool", *map(str, arguments)], cwd=folder, capture_output=True,
                          text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_rules() -> None:
    _promtool("check", "rules", "alerts.yml")


def test_alerts_come_when_they_should() -> None:
    _promtool("test", "rules", "alerts_test.yml")


def test_promtool_takes_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expression}
             for n, (_, expression) in enumerate(_panel_expressions())]
    (tmp_path / "panels.yml").write_text(
        json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    _promtool("check", "rules", "panels.yml", folder=tmp_path)


@pytest.mark.parametrize("where, expression", [
    *_panel_expressions(), *((rule["alert"], rule["expr"]) for rule in RULES)])
def test_metrics_and_labels_exist(where: str, expression: str) -> None:
    page = documented()
    selectors = list(_selectors(expression))
    assert selectors, where
    for name, inside in selectors:
        if name in _OF_PROMETHEUS:
            continue
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        metric = page.get(name) or page.get(base)
        assert metric is not None, f"{where}: no metric {name} on docs/metrics.md"
        for label, values in re.findall(r'(\w+)\s*=~?\s*"([^"]*)"', inside):
            if label in _ADDED:
                continue
            assert label in metric.labels, f"{where}: {name} has no label {label}"
            shown = metric.labels[label]
            for value in values.split("|"):
                assert not shown.startswith("`") or "RFC" in shown or f"`{value}`" in shown, (
                    f"{where}: {label} of {name} is never {value}")
    grouped = re.findall(r"\b(?:by|on|group_left)\s*\(([^)]*)\)", expression)
    legend_labels = set(re.findall(r"\w+", " ".join(grouped)))
    known = _ADDED.union(*(page[name].labels for name, _ in selectors if name in page))
    if any(name.endswith("_bucket") for name, _ in selectors):
        known |= {"le"}  # of every histogram
    assert legend_labels <= known, f"{where}: {legend_labels - known}"


def test_every_metric_of_trouble_is_shown() -> None:
    """The dashboard leaves out no counter of refusals, losses and errors, nor any other."""
    used = {name for _, expression in _panel_expressions() for name, _ in _selectors(expression)}
    left_out = {name for name in documented() if name not in used
                and not any(name + end in used for end in ("_bucket", "_sum", "_count"))}
    assert left_out <= {"starling_bans_begun_total"}  # starling_bans and the failures say it


def test_alerts_say_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
        assert all(rule["annotations"].values()), rule["alert"]


def test_events_that_alerts_name_exist() -> None:
    events = (ROOT / "docs/log-events.md").read_text()
    for rule in RULES:
        for name in re.findall(r"`([a-z]+_[a-z_]+)` in (?:the|its) log",
                               rule["annotations"]["description"]):
            assert f"| `{name}` |" in events, (rule["alert"], name)


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [panel["gridPos"] for panel in PANELS]
    for place in places:
        assert place["w"] > 0 and place["h"] > 0 and place["x"] >= 0
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        apart = (one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
                 or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"])
        assert apart, (one, other)


def test_panels_are_grafanas_own_and_ask_the_chosen_datasource() -> None:
    assert {panel["type"] for panel in PANELS} <= {"row", "stat", "timeseries", "state-timeline",
                                                   "table"}
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in PANELS:
        for asked in [panel, *panel.get("targets", [])] if panel["type"] != "row" else []:
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        ids = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(ids)) == len(ids)


@pytest.fixture(name="prometheus")
def _prometheus(fresh_node: Node, tmp_path: Path) -> Iterator[int]:
    """The port of a Prometheus with our alerts, which watches a node."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus")
    fresh_node.serve_http()
    fresh_node.start()
    listening = fresh_node.log.wait("listening", lambda e: e.get("module") == "http")
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FOLDER / "alerts.yml")],
        "scrape_configs": [{"job_name": "starling", "static_configs": [
            {"targets": [f"127.0.0.1:{listening['port']}"]}]}]}))
    port = free_port()
    with (tmp_path / "prometheus.log").open("wb") as log, subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}",
             f"--storage.tsdb.path={tmp_path / 'series'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            yield port
        finally:
            process.terminate()


def _ask(port: int, path: str, **parameters: str) -> Any:
    """What Prometheus' API answers; None as long as it does not."""
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def _assert_shown(port: int, told: str) -> None:
    """Each panel about what the node has told has data, and there is no alert."""
    shown = [(title, expression) for title, expression in _panel_expressions()
             if all(f"# TYPE {name} " in told for name, _ in _selectors(expression))]
    assert {"Sessions", "Messages a second", "Utilisation", "Memory stage", "Log-ins a second",
            "Share of all sessions"} <= {title for title, _ in shown}
    for _, expression in shown:
        eventually(lambda asked=expression: (  # type: ignore[misc]
            _ask(port, "query", query=asked) or {}).get("result"))
    eventually(lambda: all(rule["health"] == "ok" for group in _ask(port, "rules")["groups"]
                           for rule in group["rules"]))
    assert not [a for a in _ask(port, "alerts")["alerts"] if a["state"] == "firing"]


def test_prometheus_shows_a_node_that_is_well(fresh_node: Node, prometheus: int) -> None:
    alice = registered(fresh_node)

    async def main() -> None:
        client = await session(fresh_node, alice)
        await client.ping(alice.host)
        told = (await asyncio.to_thread(fresh_node.get, "/metrics"))[1]
        await asyncio.to_thread(_assert_shown, prometheus, told)

    run(main)
