"""Helm makes of the chart what Kustomize makes of the manifests; releases differ in values."""

import os
import subprocess
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from deploy.chart.__main__ import write_chart
from deploy.chart.manifests import CONFIG, FOLDER, Key, Manifest, build
from deploy.images import parse, to_component
from tests.deploy.knowledge import tool

NAMESPACE = "sounds"
DIGEST = "sha256:" + 64 * "0"
PINNED = {
    name: f"registry.example/ours/{name}@{DIGEST}"
    for name in ("tritone-frontend", "tritone-triton")
}
ON = {"enabled": True}


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool("kubectl")
    folder = tmp_path_factory.mktemp("chart")
    write_chart(folder, {})
    return folder


def render(chart: Path, **values: object) -> dict[Key, Manifest]:
    with helm.Chart.load(chart) as loaded:
        texts = loaded.render(values, name="any", namespace=NAMESPACE).values()
    found = [each for text in texts for each in yaml.safe_load_all(text) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def without_hash(rendered: dict[Key, Manifest]) -> dict[Key, Manifest]:
    """Return the objects with the ConfigMap under the name that it has without a hash."""
    (name,) = (name for kind, name in rendered if kind == "ConfigMap")
    text = yaml.safe_dump_all(rendered.values()).replace(name, CONFIG)
    found = yaml.safe_load_all(text)
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


@pytest.mark.parametrize(
    ("values", "overlay", "components"),
    [
        ({}, "gpu", []),
        ({"keda": ON, "podMonitors": ON}, "gpu-autoscaled", []),
        ({"follow": ON}, "gpu", ["follow"]),
        ({"keda": ON, "podMonitors": ON, "follow": ON}, "gpu-autoscaled", ["follow"]),
    ],
)
def test_the_chart_makes_what_kustomize_makes(
    chart: Path, values: dict[str, Any], overlay: str, components: list[str]
) -> None:
    text = yaml.safe_dump(list(build(overlay, *components).values()))
    expected = yaml.safe_load(text.replace('namespace="tritone"', f'namespace="{NAMESPACE}"'))
    rendered = without_hash(render(chart, **values))
    assert rendered == {(each["kind"], each["metadata"]["name"]): each for each in expected}


def test_helm_finds_no_fault(chart: Path) -> None:
    for switches in ({}, {"keda": ON, "podMonitors": ON, "follow": ON}):
        report = helm.lint(chart, switches, strict=True)
        assert not report["errors"]
        assert {each["error"] for each in report["messages"]} <= {"icon is recommended"}


def test_a_release_sets_what_differs_between_clusters(chart: Path) -> None:
    given = {
        "images": {"triton": PINNED["tritone-triton"]},
        "triton": {"replicas": 12, "resources": {"limits": {"nvidia.com/gpu": "2"}}},
        "secret": "mine",
        "models": {"create": False},
    }
    rendered = render(chart, **given)
    triton = rendered["Deployment", "triton"]["spec"]
    container = triton["template"]["spec"]["containers"][0]
    assert triton["replicas"] == 12
    assert container["image"] == PINNED["tritone-triton"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    worker = rendered["Deployment", "worker"]["spec"]["template"]["spec"]["containers"][0]
    assert {"secretRef": {"name": "mine"}} in worker["envFrom"]
    assert ("PersistentVolumeClaim", "tritone-models") not in rendered


def test_a_changed_setting_is_a_rollout(chart: Path) -> None:
    def named(rendered: dict[Key, Manifest]) -> tuple[str, str]:
        (name,) = (name for kind, name in rendered if kind == "ConfigMap")
        pod = rendered["Deployment", "frontend"]["spec"]["template"]["spec"]
        return name, pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]

    before = named(render(chart))
    after = named(render(chart, settings={"TRITONE_ADMISSION__MAX_WAITING": "9"}))
    assert before[0] == before[1] != after[0] == after[1]


def test_images_are_pinned_in_a_chart_and_in_an_overlay(tmp_path: Path) -> None:
    kubectl = tool("kubectl")
    references = parse([f"{name}={reference}" for name, reference in PINNED.items()])
    assert references == PINNED
    write_chart(tmp_path / "chart", references)
    pinned = tmp_path / "pinned"
    pinned.mkdir()
    (pinned / "kustomization.yaml").write_text(to_component(references))
    overlay = os.path.relpath(FOLDER / "overlays" / "gpu", tmp_path)
    kustomization = {"resources": [overlay], "components": ["pinned"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    command = [kubectl, "kustomize", str(tmp_path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for made in (list(yaml.safe_load_all(text)), render(tmp_path / "chart").values()):
        pods = [e["spec"]["template"]["spec"] for e in made if e["kind"] == "Deployment"]
        assert {pod["containers"][0]["image"] for pod in pods} == set(PINNED.values())


@pytest.mark.parametrize("wrong", ["tritone-triton", "tritone-triton=ours/tritone-triton:0.1.0"])
def test_a_reference_without_a_digest_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not NAME="):
        parse([wrong])
