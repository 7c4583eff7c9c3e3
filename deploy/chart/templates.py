"""Templates and values of the chart, out of the manifests."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from deploy.chart.holes import HOLES, Hole, find_images, find_settings, read, write
from deploy.chart.manifests import Key, Manifest, build

HELPERS = """\
{{- define "tritone.settings" -}}
{{- $fleet := dict "TRITONE_TRITON__FLEET" .Values.follow.file -}}
{{- toJson (merge (dict) .Values.settings (ternary $fleet (dict) .Values.follow.enabled)) -}}
{{- end -}}

{{- /* A changed value makes a new name, and so a rollout. */ -}}
{{- define "tritone.config" -}}
tritone-{{ include "tritone.settings" . | sha256sum | trunc 10 }}
{{- end -}}
"""
_NAMESPACE = 'namespace="tritone"'
_UNLESS_KEDA = "not .Values.keda.enabled"
_CONDITIONS = {"ScaledObject": ".Values.keda.enabled", "PodMonitor": ".Values.podMonitors.enabled"}
_CLAIM = "PersistentVolumeClaim"


@dataclass(slots=True)
class Chart:
    """The files of the chart's folder `templates`, by name, and its values."""

    templates: dict[str, str] = field(default_factory=lambda: {"_helpers.tpl": HELPERS})
    values: dict[str, Any] = field(default_factory=dict)

    def set_default(self, dotted: str, value: object) -> None:
        """Give a value its default; where several holes have it, the first counts."""
        *groups, last = dotted.split(".")
        group = self.values
        for name in groups:
            group = group.setdefault(name, {})
        group.setdefault(last, value)


def make_chart(images: Mapping[str, str]) -> Chart:
    """Return a chart of the overlay `gpu`, with what scales, monitors and follows as options.

    `images` are references by name; others are as in the manifests.
    """
    plain, scaled = build("gpu"), build("gpu-autoscaled")
    following = build("gpu", "follow")
    chart = Chart()
    for switch in ("keda", "podMonitors", "follow"):
        chart.set_default(f"{switch}.enabled", value=False)
    chart.set_default("models.create", value=True)
    chart.set_default("secret", "tritone")
    settings = following["ConfigMap", "tritone"]["data"]
    chart.set_default("follow.file", settings["TRITONE_TRITON__FLEET"])
    chart.set_default("settings", plain["ConfigMap", "tritone"]["data"])
    for key, manifest in {**following, **scaled, **plain}.items():
        name = f"{key[0]}-{key[1]}.yaml".lower()
        text = _fill(chart, key, manifest, images)
        chart.templates[name] = _wrap(text, _condition(key, plain, scaled))
    return chart


def _condition(key: Key, plain: Mapping[Key, Manifest], scaled: Mapping[Key, Manifest]) -> str:
    if key[0] == _CLAIM:
        return ".Values.models.create"
    if key in plain:
        return "" if key in scaled else _UNLESS_KEDA
    return _CONDITIONS[key[0]] if key in scaled else ".Values.follow.enabled"


def _fill(chart: Chart, key: Key, manifest: Manifest, images: Mapping[str, str]) -> str:
    """Return a manifest as a template, and note the defaults of what it leaves open."""
    manifest = copy.deepcopy(manifest)
    expressions: list[tuple[str, bool]] = []

    def dig(path: tuple[str | int, ...], expression: str, *, is_without_keda: bool = False) -> None:
        write(manifest, path, f"HOLE{len(expressions)}END")
        expressions.append((expression, is_without_keda))

    for hole in HOLES:
        if hole.key == key:
            chart.set_default(hole.value, read(manifest, hole.path))
            dig(hole.path, _expression(hole), is_without_keda=hole.is_without_keda)
    for path, name in list(find_images(manifest)):
        short = name.removeprefix("tritone-")
        chart.set_default(f"images.{short}", images.get(name, read(manifest, path)))
        dig(path, f".Values.images.{short}")
    for path, expression in list(find_settings(manifest)):
        dig(path, expression)
    text: str = yaml.safe_dump(manifest, sort_keys=False, width=10_000)
    text = text.replace(_NAMESPACE, 'namespace="{{ .Release.Namespace }}"')
    for n, (expression, is_without_keda) in enumerate(expressions):
        line = re.compile(rf"^( *)(.*)HOLE{n}END$", re.MULTILINE)
        filled = rf"\1\2{{{{ {expression} }}}}"
        text = line.sub(_wrap(filled, _UNLESS_KEDA) if is_without_keda else filled, text)
    return text


def _expression(hole: Hole) -> str:
    return f".Values.{hole.value} | toJson"  # JSON is YAML, too


def _wrap(text: str, condition: str) -> str:
    if not condition:
        return text
    return f"{{{{- if {condition} }}}}\n{text.rstrip()}\n{{{{- end }}}}"
