"""Settings of the `tritone` command. The only place in `ops` that reads the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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
from tritone.variables import find_unknown, list_complaints

Port = Annotated[int, Field(ge=0, le=MAX_PORT)]


class TritonSettings(BaseModel):
    """Our own Triton, or where somebody else's is."""

    model_config = ConfigDict(frozen=True)

    url: str | None = Field(None, description="gRPC address of a Triton to use; unset: start one.")
    fleet: str | None = Field(
        None, description="File or URL that states what every Triton of a fleet shall serve."
    )
    http_port: Port = Field(0, description="Port of Triton's HTTP API; 0: it has none.")
    grpc_port: Port = Field(
        0,
        description=(
            "Port of Triton's gRPC API; 0: a socket that only this user reaches, or, without a "
            "frontend, any free port."
        ),
    )
    metrics_port: Port = Field(0, description="Port of Triton's metrics; 0: any free one.")
    gpu: bool = Field(
        False,
        description="Whether our own backends compute on the GPU; `tritone up --gpu` says so, too.",
    )
    user: str | None = Field(
        None,
        description="User that Triton and its backends run as, where root starts the stack, such "
        "as `nobody`; it must be able to read our Python, the checkout and every model.",
    )
    exposed: bool = Field(
        False,
        description="Whether Triton's APIs, which ask for no key, listen on all addresses.",
    )
    probe_period_s: float = Field(
        5.0, gt=0, description="Period of asking backend processes for a sign of life, in seconds."
    )
    probe_timeout_s: float = Field(
        15.0, gt=0, description="How long a backend process may do nothing, in seconds."
    )
    refresh_s: float = Field(
        DEFAULT_REFRESH_S, gt=0, description="Period of the frontends' looks for versions, in s."
    )
    start_timeout_s: float = Field(
        180.0, gt=0, description="How long Triton may take until every model is ready."
    )


class JobSettings(BaseModel):
    """Where jobs are kept."""

    model_config = ConfigDict(frozen=True)

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL of the jobs; unset: start one of our own."
    )
    embedded: bool = Field(
        True, description="Whether to start a database of our own; without one there are no jobs."
    )
    workers: int = Field(1, ge=0, le=64, description="Worker processes; 0: others' work them off.")
    metrics_port: Port = Field(
        0, description="Port of the first worker's metrics, the next ones follow; 0: free ones."
    )


class Settings(BaseSettings):
    """What `tritone up` needs to know."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTING,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    host: str = Field(DEFAULT_HOST, description="Address that the frontend listens on.")
    port: Port = Field(DEFAULT_PORT, description="Port of the frontend; 0: any free one.")
    model_repository: Path = Field(
        Path("model_repository"), description="Folder of the published models."
    )
    state_directory: Path | None = Field(
        None, description="Scratch folder; unset: `run` in a checkout, else the XDG state folder."
    )
    engine_directory: Path | None = Field(
        None,
        description="Folder of the environments of engines that cannot share ours; unset: "
        "`engines` in the state folder.",
    )
    default_voice: bool = Field(
        True, description="Whether the voice of the installed `hibari-tts` is served, too."
    )
    drain_timeout_s: float = Field(
        DEFAULT_DRAIN_TIMEOUT_S,
        ge=0,
        le=MAX_DRAIN_TIMEOUT_S,
        description="How long requests in flight may take when the stack stops.",
    )
    hang_timeout_s: float = Field(
        15.0,
        gt=0,
        description="How long a service may answer nothing before it is killed.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices(*OTLP_ENDPOINTS),
        pattern=OTLP_ENDPOINT_PATTERN,
        description="Collector that traces are sent to by OTLP/HTTP.",
    )
    strict: bool = Field(
        False, description="Whether a variable of the prefix that is no setting is refused."
    )
    triton: TritonSettings = TritonSettings()
    jobs: JobSettings = JobSettings()

    def resolved_state_directory(self) -> Path:
        """Return the scratch folder, chosen where it is unset."""
        if self.state_directory is not None:
            return self.state_directory.absolute()
        if Path("pyproject.toml").is_file() and os.access(".", os.W_OK):
            return Path("run").absolute()
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(home) / "tritone"

    def resolved_engine_directory(self) -> Path:
        """Return the folder of the environments of engines, chosen where it is unset."""
        if self.engine_directory is not None:
            return self.engine_directory.absolute()
        return self.resolved_state_directory() / "engines"


def load_settings() -> Settings:
    """Return the settings of this environment.

    Raises:
        typer.Exit: status 2; each bad variable has been named on stderr, in a line of its own.
    """
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            path = NESTING.join(str(part).upper() for part in problem["loc"])
            variable = path if path.startswith(PREFIX) else PREFIX + path
            typer.echo(f"tritone: {variable}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None


def check_variables(settings: Settings, tell: Callable[[str], None]) -> None:
    """Name each variable of our prefix that is no setting.

    Raises:
        typer.Exit: status 2; there is one, and the settings are strict.
    """
    complaints = list_complaints(os.environ)
    for complaint in complaints:
        tell(f"tritone: {complaint}")
    if complaints and settings.strict:
        raise typer.Exit(2)


def copy_environment() -> dict[str, str]:
    """Return a copy of our own environment for a child process: what means nothing is left out."""
    unknown = find_unknown(os.environ)
    return {name: value for name, value in os.environ.items() if name not in unknown}
