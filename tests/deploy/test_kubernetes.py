"""The manifests agree with Kubernetes' schemas, the settings, the app and each other."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import parse
from typer.testing import CliRunner

from deploy.chart.manifests import kustomize
from frontend.settings import load_settings
from ops.cli import app
from tests.deploy.knowledge import (
    DEPLOY,
    DOCKERFILES,
    FOREIGN_VARIABLES,
    PORTS,
    ROOT,
    frontend_variables,
    stack_variables,
    stages,
    tool,
)
from tritone import __version__
from tritone.addresses import parse as parse_url

FOLDER = DEPLOY / "kubernetes"
OVERLAYS = [*sorted(folder.name for folder in (FOLDER / "overlays").iterdir()), "gpu+follow"]
SCHEMAS = Path(__file__).parent / "schemas"
TRITON_PATHS = {
    "/v2/health/live",
    "/v2/health/ready",
}  # asked of the real one by an acceptance test
Manifest = dict[str, Any]


def build(overlay: str) -> str:
    tool("kubectl")
    name, *components = overlay.split("+")
    return kustomize(name, *components)


@pytest.fixture(scope="module", params=OVERLAYS)
def text(request: pytest.FixtureRequest) -> str:
    return build(request.param)


@pytest.fixture(scope="module")
def manifests(text: str) -> list[Manifest]:
    return list(yaml.safe_load_all(text))


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    deployments = of_kind(manifests, "Deployment")
    return {name: each["spec"]["template"] for name, each in deployments.items()}


def container(pod: Manifest) -> Manifest:
    (only,) = pod["spec"]["containers"]
    found: Manifest = only
    return found


def selects(labels: dict[str, str], pod: Manifest) -> bool:
    return bool(labels.items() <= pod["metadata"]["labels"].items())


def ports(pod: Manifest) -> dict[str, int]:
    """Return where a pod listens; the one that follows does nowhere."""
    return {port["name"]: port["containerPort"] for port in container(pod).get("ports", ())}


def assert_fits(manifest: Manifest, file: Path) -> None:
    """Compare a manifest of a foreign kind with the schema of the part of it that we use."""
    version = manifest["apiVersion"].split("/")[1]
    schema = SCHEMAS / f"{manifest['kind'].lower()}-{version}.json"
    file.write_text(json.dumps(manifest))
    command = [tool("check-jsonschema"), "--schemafile", str(schema), str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_manifest_fits_the_schema_of_its_kind(text: str, tmp_path: Path) -> None:
    foreign = [each for each in yaml.safe_load_all(text) if "." in each["apiVersion"].split("/")[0]]
    foreign = [each for each in foreign if not each["apiVersion"].split("/")[0].endswith("k8s.io")]
    file = tmp_path / "manifests.yaml"
    file.write_text(text)
    command = [tool("kubernetes-validate"), "--strict", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    said = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0, said
    unchecked = [line for line in said if "Couldn't find schema" in line]
    assert len(unchecked) == len(foreign), unchecked
    for each in foreign:
        assert_fits(each, file)


def test_the_example_of_a_secret_fits_the_schema() -> None:
    command = [tool("kubernetes-validate"), "--strict", str(FOLDER / "secret.example.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_selector_finds_pods_or_a_workload(manifests: list[Manifest]) -> None:
    found = pods(manifests)
    deployments = of_kind(manifests, "Deployment")
    for name, each in deployments.items():
        assert selects(each["spec"]["selector"]["matchLabels"], found[name])
        for spread in found[name]["spec"].get("topologySpreadConstraints", ()):
            assert selects(spread["labelSelector"]["matchLabels"], found[name])
    services = [each["spec"]["selector"] for each in of_kind(manifests, "Service").values()]
    budgets = of_kind(manifests, "PodDisruptionBudget").values()
    policies = of_kind(manifests, "NetworkPolicy").values()
    labels = [each["spec"]["selector"]["matchLabels"] for each in budgets]
    labels += [each["spec"]["podSelector"].get("matchLabels", {}) for each in policies]
    for wanted in services + labels:
        assert any(selects(wanted, pod) for pod in found.values()), wanted
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for each in of_kind(manifests, kind).values():
            assert each["spec"]["scaleTargetRef"]["name"] in deployments


def test_one_autoscaler_at_most_decides_on_a_workload(manifests: list[Manifest]) -> None:
    scaled = [
        each["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for each in of_kind(manifests, kind).values()
    ]
    assert len(scaled) == len(set(scaled))
    for name, each in of_kind(manifests, "Deployment").items():
        assert ("replicas" in each["spec"]) == (name not in scaled)


def test_every_variable_is_a_setting(manifests: list[Manifest]) -> None:
    (config,) = of_kind(manifests, "ConfigMap").values()
    secret = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
    assert config["data"].keys() <= frontend_variables()
    assert secret["stringData"].keys() <= frontend_variables() | FOREIGN_VARIABLES
    assert not config["data"].keys() & secret["stringData"].keys()
    for name, pod in pods(manifests).items():
        own = {each["name"] for each in container(pod).get("env", [])}
        assert own <= stack_variables()
        read = container(pod).get("envFrom", [])
        names = [next(iter(each.values()))["name"] for each in read]
        expected = [config["metadata"]["name"], secret["metadata"]["name"]]
        assert names == ([] if name == "triton" else expected)
    namespaces = {each["metadata"].get("namespace") for each in manifests} - {None}
    assert namespaces == {secret["metadata"]["namespace"]}


def test_the_values_of_the_settings_are_accepted(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    (config,) = of_kind(manifests, "ConfigMap").values()
    secret = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
    for variable, value in {**config["data"], **secret["stringData"]}.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.jobs.database_url is not None
    assert settings.storage.url.startswith("s3://")


def test_what_follows_is_told_by_the_same_file_as_the_frontends() -> None:
    manifests = list(yaml.safe_load_all(build("gpu+follow")))
    (config,) = of_kind(manifests, "ConfigMap").values()
    assert config["data"]["TRITONE_TRITON__FLEET"].startswith("s3://")
    follow = pods(manifests)["follow"]
    program, *arguments = container(follow)["command"]
    assert program == "tritone"
    ended = CliRunner().invoke(app, [*arguments, "--once"], env=config["data"])
    assert "Usage" not in ended.output
    assert ended.exit_code == 1  # no Triton has that name here


def test_the_frontends_call_the_headless_service(manifests: list[Manifest]) -> None:
    (config,) = of_kind(manifests, "ConfigMap").values()
    target = parse_url(config["data"]["TRITONE_TRITON__URL"])
    name, port = target.addresses[0].split(":")
    service = of_kind(manifests, "Service")[name]["spec"]
    assert target.is_name
    assert service["clusterIP"] == "None"
    assert int(port) in {each["port"] for each in service["ports"]}


def test_every_port_is_one_that_somebody_listens_on(manifests: list[Manifest]) -> None:
    found = pods(manifests)
    (config,) = of_kind(manifests, "ConfigMap").values()
    assert ports(found["triton"]) == PORTS["triton"]
    assert ports(found["frontend"]) == {"http": PORTS["frontend"]}
    assert ports(found["worker"]) == {"metrics": int(config["data"]["TRITONE_JOBS__METRICS_PORT"])}
    for pod in filter(ports, found.values()):
        scraped = int(pod["metadata"]["annotations"]["prometheus.io/port"])
        assert scraped in ports(pod).values()
    for service in of_kind(manifests, "Service").values():
        (pod,) = [each for each in found.values() if selects(service["spec"]["selector"], each)]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports(pod)
    for policy in of_kind(manifests, "NetworkPolicy").values():
        labels = policy["spec"]["podSelector"].get("matchLabels", {})
        named = [p["port"] for rule in policy["spec"].get("ingress", []) for p in rule["ports"]]
        for pod in found.values():
            assert not selects(labels, pod) or set(named) <= ports(pod).keys()


def test_only_pods_that_call_triton_are_let_in_to_it(manifests: list[Manifest]) -> None:
    rule = of_kind(manifests, "NetworkPolicy")["triton"]["spec"]["ingress"][0]
    allowed = rule["from"][0]["podSelector"]["matchLabels"]
    found = pods(manifests)
    callers = {name for name, pod in found.items() if selects(allowed, pod)}
    assert callers == found.keys() - {"triton"}
    assert [port["port"] for port in rule["ports"]] == ["grpc"]


def test_every_path_that_is_probed_exists(manifests: list[Manifest]) -> None:
    routes = set(json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"])
    paths = {"frontend": routes, "worker": {"/metrics"}, "triton": TRITON_PATHS}
    for name, pod in pods(manifests).items():
        if not ports(pod):
            continue
        only = container(pod)
        probes = [only[f"{kind}Probe"] for kind in ("startup", "liveness")]
        probes += [only["readinessProbe"]] if name != "worker" else []
        for probe in probes:
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in paths[name]
                assert probe["httpGet"]["port"] in ports(pod)
            else:
                *_, script, verb = probe["exec"]["command"]
                lines = stages(DOCKERFILES["tritone-triton"])["final"]
                assert any(word == "COPY" and rest.endswith(script) for word, rest in lines)
                assert verb in {"ready", "alive"}


def test_every_image_is_one_that_is_built_here_with_the_version(
    manifests: list[Manifest],
) -> None:
    for pod in pods(manifests).values():
        for each in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            image, tag = each["image"].split(":")
            assert image in DOCKERFILES
            assert tag == __version__


def test_every_container_is_sealed_and_bounded(manifests: list[Manifest]) -> None:
    for pod in pods(manifests).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["automountServiceAccountToken"] is False
        for each in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            resources = each["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys()
            assert "memory" in resources["limits"]
            volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
            assert {mount["name"] for mount in each["volumeMounts"]} <= volumes


def test_the_users_of_the_pods_are_those_of_the_images(manifests: list[Manifest]) -> None:
    for pod in pods(manifests).values():
        image = container(pod)["image"].split(":")[0]
        named = stages(DOCKERFILES[image])
        stage = named.get(image.removeprefix("tritone-"), named.get("final"))
        assert stage is not None
        user = [rest for word, rest in stage if word == "USER"][-1]
        context = pod["spec"]["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == user


def test_triton_has_shared_memory_of_a_stated_size(manifests: list[Manifest]) -> None:
    triton = pods(manifests)["triton"]
    mounts = {m["mountPath"]: m["name"] for m in container(triton)["volumeMounts"]}
    (volume,) = [v for v in triton["spec"]["volumes"] if v["name"] == mounts["/dev/shm"]]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert re.fullmatch(r"[1-9]\d*Gi", volume["emptyDir"]["sizeLimit"])


def test_nobody_is_killed_before_it_has_drained(manifests: list[Manifest]) -> None:
    (config,) = of_kind(manifests, "ConfigMap").values()
    drain_s = float(config["data"]["TRITONE_DRAIN_TIMEOUT_S"])
    for name, pod in pods(manifests).items():
        grace_s = pod["spec"]["terminationGracePeriodSeconds"]
        hook = container(pod).get("lifecycle", {}).get("preStop", {}).get("exec")
        before_s = float(hook["command"][1]) if hook else 0.0
        assert grace_s >= before_s + (60 + 30 if name == "triton" else drain_s + 10)


def test_no_pod_is_lost_to_a_rollout_of_what_has_no_spare(manifests: list[Manifest]) -> None:
    limits = container(pods(manifests)["triton"])["resources"]["limits"]
    rolling = of_kind(manifests, "Deployment")["triton"]["spec"]["strategy"]["rollingUpdate"]
    has_gpu = limits.get("nvidia.com/gpu") == "1"
    assert (
        rolling == {"maxSurge": 0, "maxUnavailable": 1}
        if has_gpu
        else {
            "maxSurge": 1,
            "maxUnavailable": 0,
        }
    )


def documented_metrics() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))


def test_the_expressions_of_the_autoscalers_are_promql_over_metrics_that_we_tell() -> None:
    manifests = list(yaml.safe_load_all(build("gpu-autoscaled")))
    scaled = of_kind(manifests, "ScaledObject")
    assert scaled.keys() == of_kind(manifests, "Deployment").keys()
    triggers = [trigger for each in scaled.values() for trigger in each["spec"]["triggers"]]
    assert {trigger["type"] for trigger in triggers} == {"cpu", "prometheus"}
    for trigger in triggers:
        if trigger["type"] == "prometheus":
            expression = trigger["metadata"]["query"]
            parse(expression)
            named = set(re.findall(r"tritone_\w+(?=\{)", expression))
            assert named
            assert named <= documented_metrics()


def test_every_pod_that_is_scraped_has_a_monitor() -> None:
    manifests = list(yaml.safe_load_all(build("gpu-autoscaled")))
    monitors, found = of_kind(manifests, "PodMonitor"), pods(manifests)
    assert monitors.keys() == found.keys()
    for name, monitor in monitors.items():
        assert selects(monitor["spec"]["selector"]["matchLabels"], found[name])
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        scraped = int(found[name]["metadata"]["annotations"]["prometheus.io/port"])
        assert ports(found[name])[endpoint["port"]] == scraped


def test_kserve_runs_the_same_triton(tmp_path: Path) -> None:
    command = [tool("kubectl"), "kustomize", str(FOLDER / "kserve")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    manifests = list(yaml.safe_load_all(done.stdout))
    by_kind = {each["kind"]: each for each in manifests}
    for kind in ("ServingRuntime", "InferenceService"):
        assert_fits(by_kind[kind], tmp_path / "manifest.json")
    runtime, service = by_kind["ServingRuntime"], by_kind["InferenceService"]
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"]["name"] in {
        each["name"] for each in runtime["spec"]["supportedModelFormats"]
    }
    ours = container(pods(list(yaml.safe_load_all(build("gpu"))))["triton"])
    theirs = runtime["spec"]["containers"][0]
    assert theirs["image"] == ours["image"]
    assert theirs["livenessProbe"] == ours["livenessProbe"]
    assert theirs["readinessProbe"]["httpGet"]["path"] == ours["readinessProbe"]["httpGet"]["path"]
    assert theirs["resources"] == ours["resources"]
    selector = by_kind["Service"]["spec"]["selector"]
    assert selector == {"serving.kserve.io/inferenceservice": service["metadata"]["name"]}
