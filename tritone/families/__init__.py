"""The served model lines. A new family is a module here, a line in `FAMILIES`, one in `export`."""

from tritone.families import ace_step, musicgen, stable_audio, stable_audio_3
from tritone.families.family import Family

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY
    for module in (stable_audio, stable_audio_3, ace_step, musicgen)
}
"""Every family. What else must exist for each is checked by `tests/test_families.py`: an exporter
in `export/families.py` and a schedule in `tritone.schedules`, or a row of `tritone.checkpoints`."""


def family_of_pipeline(pipeline_class: str) -> Family | None:
    """Return the family that serves a diffusers pipeline class, or None."""
    return next((f for f in FAMILIES.values() if f.pipeline_class == pipeline_class), None)
