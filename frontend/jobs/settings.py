"""How jobs are kept and worked off."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class JobSettings(BaseModel):
    """The group `jobs` of the frontend's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL of the jobs, `postgresql://…`; unset: `tritone up` brings its own.",
    )
    max_connections: int = Field(
        8, ge=2, le=100, description="Connections of one process to the database."
    )
    max_queued: int = Field(10_000, ge=1, description="Jobs that wait before new ones are refused.")
    max_streams: int = Field(
        1000, ge=1, description="Event streams that one frontend serves before it refuses more."
    )
    concurrency: int = Field(4, ge=1, le=256, description="Jobs that one worker runs at once.")
    lease_s: float = Field(
        15.0,
        ge=0.5,
        le=600,
        description="Silence after which a worker is dead and its jobs begin anew, in seconds.",
    )
    poll_s: float = Field(
        1.0,
        ge=0.05,
        le=60,
        description="Period of looking for due retries and of reporting progress, in seconds.",
    )
    max_attempts: int = Field(
        3, ge=1, le=100, description="Failed attempts after which a job ends in error."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of a worker's own `/metrics`; 0: none."
    )
    patience_s: float = Field(
        900.0,
        ge=0,
        description="Age until which a job is put back while Triton is away or full, in seconds.",
    )
