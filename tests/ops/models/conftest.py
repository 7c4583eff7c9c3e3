"""A model repository with two versions."""

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The bundled repository's configurations, with two versions of small files."""
    for config in (ROOT / "model_repository").glob("starter*/config.pbtxt"):
        model = tmp_path / "models" / config.parent.name
        for version in ("1", "2"):
            (model / version).mkdir(parents=True)
            (model / version / "file").write_text(f"{model.name} {version}")
        (model / "config.pbtxt").write_text(f"# kept by hand\n{config.read_text()}")
    manifest = json.loads((ROOT / "model_repository/starter/1/manifest.json").read_text())
    for version in ("1", "2"):
        path = tmp_path / "models/starter" / version / "manifest.json"
        path.write_text(json.dumps(manifest))
    return tmp_path / "models"
