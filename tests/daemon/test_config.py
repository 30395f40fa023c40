"""What starlingd says about configurations, without serving one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from harness.node import ROOT, build_folder

_SEEDS = ROOT / "fuzz" / "seeds"


def starlingd(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(build_folder() / "starlingd"), *map(str, arguments)], text=True,
                          capture_output=True, check=False, env=os.environ | environment)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    document = json.loads(starlingd("--print-config-schema").stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("seed", ["full", "access", "host_config", "aliases", "empty"])
def test_schema_takes_what_the_server_takes(schema: Any, seed: str) -> None:
    path = _SEEDS / "config" / f"{seed}.yml"
    document = yaml.safe_load(path.read_text())
    schema.validate({} if document is None else document)


@pytest.mark.parametrize("text", [
    "hots: [a]", "hosts: a", "listen: [{prot: 1}]", "listen: [{port: 70000}]", "workers: many",
    "loglevel: verbose", "modules: {archive: {expire_after_days: -1}}",
    "modules: {ping: {interval: 5 moons}}", "host_config: {a: {workers: 1}}",
])
def test_schema_refuses_what_the_server_refuses(schema: Any, tmp_path: Path, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(yaml.safe_load(text))
    path = tmp_path / "starling.yml"
    path.write_text(text)
    refused = starlingd("--config", path, "--check-config")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"starlingd: {path}:1:"), refused.stderr


def test_good_configuration_is_said_to_be_good(tmp_path: Path) -> None:
    path = tmp_path / "starling.yml"
    path.write_text("hosts: [example.org]\n")
    good = starlingd("--config", path, "--check-config", STARLING_LOGLEVEL="error")
    assert (good.returncode, good.stdout) == (0, "The configuration is good.\n")


def test_unknown_variable_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "starling.yml"
    path.write_text("")
    refused = starlingd("--config", path, "--check-config", STARLING_LOGLVEL="error")
    assert refused.returncode == 1
    assert "STARLING_LOGLVEL" in refused.stderr
    assert "'loglevel'" in refused.stderr


def test_option_is_explained() -> None:
    assert "Default: 5222" in starlingd("--explain", "listen.port").stdout
    unknown = starlingd("--explain", "listen.prot")
    assert (unknown.returncode, "'listen.port'" in unknown.stderr) == (1, True)


def test_import_gives_a_configuration_that_is_taken(tmp_path: Path) -> None:
    done = starlingd("--import-config", _SEEDS / "import_config" / "typical.yml")
    assert done.returncode == 0
    assert "mod_muc" in done.stderr
    ours = yaml.safe_load(done.stdout)
    del ours["certfiles"]  # they are not there
    path = tmp_path / "starling.yml"
    path.write_text(json.dumps(ours))
    assert starlingd("--config", path, "--check-config").returncode == 0
