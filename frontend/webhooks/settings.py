"""How webhooks are signed and delivered, and to which addresses."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_MINUTE, _HOUR = 60.0, 3600.0


class WebhookSettings(BaseModel):
    """The group `webhooks` of the frontend's settings."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret that the receivers' own secrets are made of; unset: one kept in the "
        "job database.",
    )
    previous_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="The secret before, while receivers change over: its signature is sent too.",
    )
    https_only: bool = Field(False, description="Refuse `http` addresses.")
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="JSON array of networks to deliver to although they are not public, "
        'such as `["192.168.7.0/24"]`.',
    )
    deny_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="JSON array of public networks not to deliver to, such as our own."
    )
    timeout_s: float = Field(
        20.0, gt=0, le=60, description="Limit of one attempt to deliver, in seconds."
    )
    schedule_s: tuple[float, ...] = Field(
        # The sample schedule of Standard Webhooks 1.0.0, after the attempt that is made at once.
        (5.0, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24))),
        description="JSON array of the pauses before each further attempt, in seconds.",
    )
    concurrency: int = Field(
        32,
        ge=1,
        le=1024,
        description="Deliveries of one worker at once; a key may take half of them.",
    )
    per_host: int = Field(
        8,
        ge=1,
        le=1024,
        description="Deliveries of one worker to the same host at once; a key may take half.",
    )
