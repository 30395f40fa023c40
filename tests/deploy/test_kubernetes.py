"""deploy/kubernetes: put together by kubectl, held against the API's schemas, and its starling.yml
against the node itself. No cluster runs here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.authority import Authority
from harness.node import ROOT, Node, build_folder
from harness.postgres import Postgres
from harness.waiting import TIMEOUT_S, eventually

Manifest = dict[str, Any]

BASE = ROOT / "deploy/kubernetes"
_GUIDE = ROOT / "docs/kubernetes.md"
_SCHEMAS = ROOT / "tests/deploy/kubernetes"
# What the end of a node takes beyond `linger` and `deadline` (docs/drain.md).
_GRACE_S = 45

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")


def rendered(folder: Path) -> list[Manifest]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def judged(*manifests: Manifest) -> list[str]:
    """What the API's schemas have against them."""
    done = subprocess.run(["node", str(_SCHEMAS / "judge.mjs")], input=json.dumps(manifests),
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return rendered(BASE)


def the(kind: str, manifests: list[Manifest]) -> Manifest:
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def pod_of(manifests: list[Manifest]) -> Manifest:
    template: Manifest = the("Deployment", manifests)["spec"]["template"]
    return template


def container_of(manifests: list[Manifest]) -> Manifest:
    (container,) = pod_of(manifests)["spec"]["containers"]
    return dict(container)


def configuration() -> Manifest:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!file", lambda _, node: f"!file {node.value}")
    loaded: Manifest = yaml.load((BASE / "starling.yml").read_text(), Loader)
    return loaded


def test_api_would_take_all_of_it(base: list[Manifest]) -> None:
    assert {manifest["kind"] for manifest in base} == {
        "Namespace", "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler",
        "PodDisruptionBudget", "NetworkPolicy"}
    assert judged(*base, *rendered(BASE / "prometheus")) == []
    assert {manifest["metadata"].get("namespace", "starling") for manifest in base} == {"starling"}


def test_judge_finds_mistakes(base: list[Manifest]) -> None:
    typo, kind, missing, version = (json.loads(json.dumps(the("Deployment", base)))
                                    for _ in range(4))
    typo["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    kind["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = "long"
    del missing["spec"]["selector"]
    version["apiVersion"] = "apps/v1beta9"
    found = "\n".join(judged(typo, kind, missing, version))
    assert "\"readynessProbe\"' does not exist in type 'IContainer'" in found
    assert "'string' is not assignable to type 'number'" in found
    assert "\"selector\"' is missing" in found
    assert "apps/v1beta9" in found


def _kubectl_minor() -> int:
    done = subprocess.run(["kubectl", "version", "--client", "--output=json"],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return int(json.loads(done.stdout)["clientVersion"]["minor"].rstrip("+"))


def test_folder_of_the_guide_works(tmp_path: Path) -> None:
    """docs/kubernetes.md: its kustomization.yaml, and its Service for AWS as a patch."""
    blocks = re.findall(r"```yaml\n(.*?)```", _GUIDE.read_text(), re.DOTALL)
    blocks = [re.sub(r"^   ", "", block, flags=re.M) if block.startswith("   ") else block
              for block in blocks]
    own, service = blocks
    if _kubectl_minor() < 21:  # Debian's: has another word for folders
        own = own.replace("resources:", "bases:")
    shutil.copytree(BASE, tmp_path / "starling/deploy/kubernetes")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(
        own + "patchesStrategicMerge: [service-on-aws.yaml]\n")
    (folder / "service-on-aws.yaml").write_text(service)
    (folder / "starling.yml").write_text("hosts: [mine.example]\n")
    all_of_it = rendered(folder)
    assert judged(*all_of_it) == []
    assert container_of(all_of_it)["image"] == "registry.example.org/starling:0.1.0"
    assert the("ConfigMap", all_of_it)["data"] == {"starling.yml": "hosts: [mine.example]\n"}
    annotations = the("Service", all_of_it)["metadata"]["annotations"]
    assert annotations["service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"] == "ip"
    assert the("PodMonitor", all_of_it)["metadata"]["namespace"] == "starling"


def test_parts_name_each_other(base: list[Manifest]) -> None:
    labels = pod_of(base)["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in container_of(base)["ports"]}
    spec = the("Deployment", base)["spec"]
    for selector in (spec["selector"]["matchLabels"], the("Service", base)["spec"]["selector"],
                     the("PodDisruptionBudget", base)["spec"]["selector"]["matchLabels"],
                     the("NetworkPolicy", base)["spec"]["podSelector"]["matchLabels"]):
        assert selector.items() <= labels.items()
    assert the("HorizontalPodAutoscaler", base)["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "name": the("Deployment", base)["metadata"]["name"]}
    assert "replicas" not in spec  # the autoscaler's to say
    named = [port["port"] for rule in the("NetworkPolicy", base)["spec"]["ingress"]
             for port in rule["ports"]]
    named += [port["targetPort"] for port in the("Service", base)["spec"]["ports"]]
    assert set(named) == set(ports)
    listeners = {listener["port"] for listener in configuration()["listen"]}
    assert set(ports.values()) == listeners | {6222}
    volumes = {volume["name"]: volume for volume in pod_of(base)["spec"]["volumes"]}
    name = the("ConfigMap", base)["metadata"]["name"]
    assert volumes["configuration"]["configMap"]["name"] == name
    assert {mount["name"] for mount in container_of(base)["volumeMounts"]} == set(volumes)


def seconds(time: str) -> int:
    number, unit = time.split()
    return int(number) * {"second": 1, "minute": 60}[unit.rstrip("s")]


def test_drain_is_waited_for(base: list[Manifest]) -> None:
    drain = configuration()["drain"]
    needed = seconds(drain["linger"]) + seconds(drain["deadline"]) + _GRACE_S
    assert pod_of(base)["spec"]["terminationGracePeriodSeconds"] >= needed
    probe = container_of(base)["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= seconds(drain["linger"])


def test_pod_may_do_nothing_that_it_need_not(base: list[Manifest]) -> None:
    spec, container = pod_of(base)["spec"], container_of(base)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False,
                                            "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False
    # The image's own user: files of volumes are given to its group.
    image = (ROOT / "deploy/oci/Containerfile").read_text()
    number = spec["securityContext"]["runAsUser"]
    assert f"USER {number}:{number}" in image and f"--uid {number} " in image
    assert spec["securityContext"]["fsGroup"] == number


class Pod(Node):
    """A node with the base's starling.yml, and what a pod finds: Secrets, folders, variables. Only
    its paths and ports are of this machine."""

    secrets: Path

    def write_config(self) -> Path:
        text = (BASE / "starling.yml").read_text()
        for there, here in (("/run/secrets", str(self.secrets)),
                            ("/var/lib/starling", str(self.folder / "data")),
                            ("/run/starling/ctl.sock", str(self.socket))):
            assert there in text
            text = text.replace(there, here)
        text, changed = re.subn(r"- port: \d+", "- port: 0\n    ip: 127.0.0.1", text)
        assert changed == 3
        path = self.folder / "starling.yml"
        path.write_text(text)
        return path


@pytest.fixture
def pod(tmp_path: Path, authority: Authority, base: list[Manifest]) -> Pod:
    pod = Pod(tmp_path / "node", authority, ["example.org"])
    pod.secrets = tmp_path / "secrets"
    mounts = {mount["name"]: Path(mount["mountPath"]).name
              for mount in container_of(base)["volumeMounts"]}
    certificate = pod.secrets / mounts["certificate"] / "tls-combined.pem"
    certificate.parent.mkdir(parents=True)
    shutil.copy(authority.issue("example.org"), certificate)
    url = pod.secrets / mounts["database"] / "url"
    url.parent.mkdir()
    url.write_text("postgresql://starling@db.example.org/starling\n")
    return pod


def test_configuration_passes_its_check(pod: Pod) -> None:
    done = subprocess.run([str(build_folder() / "starlingd"), "--config", str(pod.write_config()),
                           "--check-config"], capture_output=True, text=True, timeout=TIMEOUT_S,
                          check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def started(pod: Pod, postgres: Postgres, base: list[Manifest],
            monkeypatch: pytest.MonkeyPatch) -> Iterator[Pod]:
    assert pod_of(base)["spec"]["enableServiceLinks"] is False
    told = {"metadata.name": "starling-7d4b9", "status.podIP": "127.0.0.1"}
    for variable in container_of(base)["env"]:
        monkeypatch.setenv(variable["name"], told[variable["valueFrom"]["fieldRef"]["fieldPath"]])
    monkeypatch.setenv("STARLING_CLUSTER__PORT", "0")  # this machine's, not the pod's
    (pod.secrets / "starling-database/url").write_text(postgres.new_database() + "\n")
    pod.start()
    yield pod
    if pod.is_running:
        pod.signal(signal.SIGINT)  # the first of two: nobody is there to linger for
        pod.stop()


def test_node_starts_as_in_a_pod(started: Pod, base: list[Manifest]) -> None:
    """Up in its cluster at the pod's address, with the metric that the autoscaler asks for."""
    container = container_of(base)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert started.get(container[probe]["httpGet"]["path"])[0] == 200
    (member,) = started.ctl("list_cluster")
    assert member["state"] == "up" and member["name"] == "starling-7d4b9"
    assert member["address"].startswith("127.0.0.1")
    (metric,) = the("HorizontalPodAutoscaler", base)["spec"]["metrics"]
    assert f"\n{metric['pods']['metric']['name']} " in started.get("/metrics")[1]


def test_node_leaves_as_in_a_pod(started: Pod, base: list[Manifest]) -> None:
    """The preStop hook begins the drain, and the kubelet's signal behind it changes nothing."""
    container = container_of(base)
    program, *command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "starlingctl"
    done = subprocess.run([str(build_folder() / program), "--help"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, check=True)
    assert configuration()["ctl_socket"] in done.stdout, "where it looks without being told"
    started.ctl(*command)
    started.log.wait("stopping", lambda event: event.get("reason") == "a command")
    eventually(lambda: started.get(container["readinessProbe"]["httpGet"]["path"])[0] == 503)
    started.signal(signal.SIGTERM)
    started.log.wait("stopping", lambda event: event.get("signal") == "SIGTERM")
    assert started.get(container["livenessProbe"]["httpGet"]["path"])[0] == 200
    assert "stopping_at_once" not in [event.get("event") for event in started.log.events]
    started.signal(signal.SIGINT)
    assert started.wait_exit() == 0


def test_variables_of_service_links_would_stop_it(pod: Pod) -> None:
    """Why the Deployment turns them off."""
    done = subprocess.run([str(build_folder() / "starlingd"), "--config", str(pod.write_config()),
                           "--check-config"], capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=os.environ | {"STARLING_PORT": "tcp://10.0.0.1:5222"}, check=False)
    assert done.returncode == 1 and "STARLING_PORT" in done.stderr
