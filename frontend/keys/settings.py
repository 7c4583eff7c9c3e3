"""Whether keys are asked for, and where they are."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

# A guessable key is worse than none: the caller believes in it.
StaticKey = Annotated[SecretStr, StringConstraints(min_length=16)]


class KeySettings(BaseModel):
    """The group `keys` of the frontend's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    allow_anonymous: bool | None = Field(
        None,
        description=(
            "Answer without an API key and look at none; unset: only on a loopback address, and "
            "only without static keys."
        ),
    )
    static: tuple[StaticKey, ...] = Field(
        (), description="JSON list of keys that need no database: no limits, no usage."
    )
    pepper: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret that the stored keys are digested with; unset: the one of the file.",
    )
    pepper_file: str = Field(
        "run/keys.pepper",
        min_length=1,
        description="File of the pepper, made when it is missing; frontends share its content.",
    )
    cache_s: float = Field(
        5.0,
        ge=0,
        le=300,
        description="How long a revoked key may still work, in seconds.",
    )
