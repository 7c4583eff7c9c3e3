"""Every setting of the frontend, read once from the environment; nothing else reads it."""

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

import structlog
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from frontend.errors import CannotStart
from frontend.jobs.settings import JobSettings
from frontend.keys.settings import KeySettings
from frontend.storage.settings import StorageSettings
from frontend.triton.addresses import TritonUrl
from frontend.webhooks.settings import WebhookSettings
from tritone.addresses import parse
from tritone.environment import (
    DEFAULT_DRAIN_TIMEOUT_S,
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_REFRESH_S,
    MAX_DRAIN_TIMEOUT_S,
    MAX_PORT,
    NESTING,
    OTLP_ENDPOINT_PATTERN,
    OTLP_ENDPOINTS,
    PREFIX,
)
from tritone.variables import list_complaints

SHIPPED_ALIASES: dict[str, str | None] = dict.fromkeys(
    [
        # LocalAI's and AI/ML API's documented examples
        "sound-model",
        "stable-audio",
        "facebook/musicgen-medium",
        # vLLM-Omni's
        "stabilityai/stable-audio-open-1.0",
        # the official ElevenLabs clients' (sound generation)
        "eleven_text_to_sound_v2",
        "eleven_text_to_sound_v3",
    ]
)
"""Names of the published contracts' examples and clients; None stands for the default model."""


def _with_shipped(aliases: dict[str, str | None]) -> dict[str, str | None]:
    return {**SHIPPED_ALIASES, **aliases}


Aliases = Annotated[dict[str, str | None], AfterValidator(_with_shipped)]


log = structlog.get_logger(__name__)


class InvalidSettings(CannotStart):
    """A variable has a bad value; the message is one line that names it."""


class _Group(BaseModel):
    # Extra variables belong to `tritone up`, which shares the prefix and the groups.
    model_config = ConfigDict(frozen=True, extra="ignore")


class TritonSettings(_Group):
    """Where Triton is and how long to wait for it."""

    url: TritonUrl = Field(
        "127.0.0.1:8001",
        description=(
            "Triton's gRPC address; of several `a:8001,b:8001`, or `dns:///name:8001` for every "
            "address of a name; `unix:/path` of a socket."
        ),
    )
    rpc_timeout_s: float = Field(
        5.0, gt=0, le=60, description="Limit of one control or health call, in seconds."
    )
    refresh_s: float = Field(
        DEFAULT_REFRESH_S,
        gt=0,
        le=300,
        description=(
            "Period of looking for new models and versions, in seconds; shorter while Triton is "
            "away."
        ),
    )
    watchdog_s: float = Field(
        5.0,
        gt=0,
        le=300,
        description="Period of asking whether a generation's backend still lives, in seconds.",
    )
    eject_after: int = Field(
        3,
        ge=1,
        le=1000,
        description=(
            "Passes of a model that fail in a row before it is asked for a short sound. Of several "
            "Tritons: that fail on one, and not on another, before it gets no more for a while."
        ),
    )
    eject_s: float = Field(
        5.0,
        gt=0,
        le=300,
        description=(
            "Pause between two such short sounds, in seconds. How long such a Triton of several "
            "gets no passes the first time; twice as long each further time, at most 300."
        ),
    )
    fleet: str | None = Field(
        None,
        min_length=1,
        description=(
            "File or URL (`s3://bucket/models/fleet.json`) in which `tritone models … --fleet` "
            "states what every Triton of a pool shall serve; one that does not gets no passes."
        ),
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]] = Field(
        {},
        description=(
            "JSON object of `HOST:PORT` to how much work a Triton does at once, relative to 1 for "
            "the others."
        ),
    )

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        tritons = parse(self.url)
        unknown = sorted(self.weights.keys() - set(tritons.addresses))
        if unknown and not tritons.is_name:
            raise ValueError(f"weights of no Triton of the url: {', '.join(unknown)}")
        return self


class AdmissionSettings(_Group):
    """How much is let in at once."""

    max_in_flight: int = Field(
        16, ge=1, le=4096, description="Passes through a model that Triton gets at once."
    )
    max_waiting: int = Field(
        64, ge=0, le=65536, description="Passes that wait for a slot before requests are refused."
    )


class Settings(BaseSettings):
    """The frontend's settings; build with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTING,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    host: str = Field(DEFAULT_HOST, min_length=1, description="Address to listen on.")
    port: int = Field(
        DEFAULT_PORT, ge=0, le=MAX_PORT, description="Port to listen on; 0 takes a free one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    max_body_bytes: int = Field(
        1 << 20, ge=1024, le=1 << 30, description="Largest request body, in bytes."
    )
    max_prompt_chars: int = Field(
        2500, ge=1, le=1_000_000, description="Longest prompt, in characters."
    )
    max_seconds: float = Field(
        600.0,
        gt=0,
        le=3600,
        description="Longest sound made by extending past a model's window, in seconds.",
    )
    timeout_s: float = Field(
        300.0, gt=0, le=86400, description="Limit of one request, waiting included, in seconds."
    )
    drain_timeout_s: float = Field(
        DEFAULT_DRAIN_TIMEOUT_S,
        ge=0,
        le=MAX_DRAIN_TIMEOUT_S,
        description="How long requests in flight may take at shutdown, in seconds.",
    )
    strict: bool = Field(
        False,
        description="Refuse to start with a `TRITONE_…` variable that is no setting.",
    )
    default_model: str | None = Field(
        None,
        min_length=1,
        description=(
            "Model of a request that names none; unset: `starter`, or the only one that is served."
        ),
    )
    aliases: Aliases = Field(
        {},
        validate_default=True,
        description="JSON object of further model names to served models; null: the default model.",
    )
    model_files: Path | None = Field(
        None,
        description="Folder of LocalAI's model files (YAML): what `model` of `/tts` stands for.",
    )
    strict_sound_generation: bool = Field(
        False,
        description=(
            "Refuse `POST /v1/sound-generation` without a model and without any sign of its "
            "dialect (LocalAI's documented rule) instead of answering as ElevenLabs."
        ),
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="JSON list of web origins whose pages may call us; `*` is all of them."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="JSON list of further names that clients may use where no key is asked for; "
        "addresses, names of the local network and the name of the public URL always work.",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (IPv4Network("127.0.0.1/32"), IPv6Network("::1/128")),
        description="JSON list of networks whose `X-Forwarded-For`, `-Proto` and `-Host` count.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices(*OTLP_ENDPOINTS),
        pattern=OTLP_ENDPOINT_PATTERN,
        description="Collector that traces are sent to by OTLP/HTTP, `http://host:4318`; unset: "
        "`OTEL_EXPORTER_OTLP_ENDPOINT`, or no traces",
    )
    triton: TritonSettings = TritonSettings.model_validate({})
    admission: AdmissionSettings = AdmissionSettings.model_validate({})
    jobs: JobSettings = JobSettings.model_validate({})
    storage: StorageSettings = StorageSettings.model_validate({})
    webhooks: WebhookSettings = WebhookSettings.model_validate({})
    keys: KeySettings = KeySettings.model_validate({})


GROUPS = frozenset(
    name for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)
)
"""The settings that are groups of settings."""


def load_settings() -> Settings:
    """Return the settings of this environment.

    Raises:
        InvalidSettings: a value is malformed or out of bounds.
    """
    try:
        settings = Settings()
    except SettingsError as error:
        # The cause's text would show the value; the field's name is all that is needed.
        field = re.search(r'field "(\w+)"', str(error))
        name = name_variable(field[1]) if field else f"a {PREFIX} variable"
        raise InvalidSettings(f"{name}: not valid JSON") from error
    except ValidationError as error:
        complaints = (_complaint(e["loc"], e["msg"]) for e in error.errors())
        raise InvalidSettings("; ".join(complaints)) from error
    unknown = list_complaints(os.environ)
    if unknown and settings.strict:
        raise InvalidSettings("; ".join(unknown))
    for complaint in unknown:
        log.warning("unknown_variable", detail=complaint)
    return settings


def name_variable(*path: str) -> str:
    """Return the variable of a setting, or of one in a group."""
    return PREFIX + NESTING.join(path).upper()


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    path = [str(part) for part in location]
    if path[0].isupper():  # a field of several names; which of them was set is not said
        return f"{path[0]} (or {OTLP_ENDPOINTS[1]}): {message}"
    n_names = 2 if path[0] in GROUPS else 1
    inside = "".join(f" {part!r}:" for part in path[n_names:])
    return f"{name_variable(*path[:n_names])}:{inside} {message}"
