"""`python -m deploy.chart FOLDER`: write a Helm chart of what Kustomize builds. Needs `kubectl`."""

import argparse
from pathlib import Path

import yaml

from deploy.chart.templates import make_chart
from deploy.images import parse
from tritone import __version__

_ABOUT = {
    "images": "References; by digest in the chart of a release.",
    "settings": "Of the frontends and workers: docs/settings.md.",
    "secret": "Name of a Secret: deploy/kubernetes/secret.example.yaml.",
    "models": "The claim `tritone-models`; one that exists is taken with `create: false`.",
    "keda": "Frontends, workers and Tritons as the load asks for them. Needs KEDA and Prometheus.",
    "podMonitors": "For Prometheus' operator.",
    "follow": "For Tritons with models of their own: docs/versions.md.",
}


def write_chart(folder: Path, images: dict[str, str]) -> None:
    """Write a chart; `images` are references by name."""
    chart = make_chart(images)
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    for name, text in chart.templates.items():
        (folder / "templates" / name).write_text(text.rstrip("\n") + "\n")
    about = {
        "apiVersion": "v2",
        "name": "tritone",
        "type": "application",
        "description": "Text in, sound out: Tritons with a GPU each, frontends and workers",
        "version": __version__,
        "appVersion": __version__,
    }
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about, sort_keys=False))
    parts = []
    for key, value in sorted(chart.values.items()):
        comment = f"# {_ABOUT[key]}\n" if key in _ABOUT else ""
        parts.append(comment + yaml.safe_dump({key: value}))
    (folder / "values.yaml").write_text("\n".join(parts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("images", nargs="*", metavar="NAME=REFERENCE")
    arguments = parser.parse_args()
    write_chart(arguments.folder, parse(arguments.images))
