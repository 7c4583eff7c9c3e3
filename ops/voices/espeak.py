"""espeak-ng (GPL-3) as a Triton model of its own: phonemes for voices that know no others."""

import zipfile
from pathlib import Path

from ops.voices.configuration import model_config
from ops.voices.downloads import Package
from ops.voices.publishing import FIRST_VERSION
from tritone import espeak_files
from tritone.piper_voice import PHONEMES, PHONEMIZER_LANGUAGE, PHONEMIZER_TEXT
from tritone.tensors import TensorSpec

LICENCE = "GPL-3.0-or-later"

PACKAGE = Package(
    "pypi",
    "espeakng-loader",
    "0.2.4",
    ("08721baf27d13d461f6be6eed9a65277e70d68234ff484fd8b9897b222cdcb6d",),  # Linux, x86_64
)


def repository_files(wheel: Path) -> dict[str, bytes]:
    """Return every file of the model by its path in the repository."""
    version = Path(espeak_files.MODEL) / str(FIRST_VERSION)
    library = Path(espeak_files.library_file(Path()))
    config = model_config(
        espeak_files.MODEL,
        "espeak",
        inputs=(
            TensorSpec(PHONEMIZER_TEXT, "STRING", (1,)),
            TensorSpec(PHONEMIZER_LANGUAGE, "STRING", (1,)),
        ),
        outputs=(TensorSpec(PHONEMES, "STRING", (1,)),),
    )
    files = {f"{espeak_files.MODEL}/config.pbtxt": config.encode()}
    folder = library.parent.name
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            is_data = name.startswith(f"{folder}/{espeak_files.data_folder(Path()).name}/")
            if (is_data and not name.endswith("/")) or name == f"{folder}/{library.name}":
                files[str(version / library.parent.parent / name)] = archive.read(name)
    return files
