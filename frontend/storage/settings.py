"""Where files are kept and for how long their addresses work."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class StorageSettings(BaseModel):
    """The group `storage` of the frontend's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str = Field(
        "run/files",
        min_length=1,
        description="Folder of the finished files, or `s3://`, `gs://`, `az://` and a bucket.",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Address under which clients reach this frontend, for links to files; unset: "
        "the address that the client used.",
    )
    signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret of the links to files; unset: one kept in the job database.",
    )
    url_lifetime_s: int = Field(
        86_400,
        ge=60,
        le=604_800,  # the most that S3's own signatures allow
        description="How long a link to a file works, in seconds.",
    )
    retention_s: int = Field(
        604_800, ge=60, description="Age at which files and ended jobs are deleted, in seconds."
    )
