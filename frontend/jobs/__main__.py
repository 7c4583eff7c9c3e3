"""`python -m frontend.jobs`: one worker, with the settings of the environment.

The one place of this package that knows the contracts: they promise bodies of webhooks.
"""

import sys

from prometheus_client import start_http_server

from frontend.contracts.table import WEBHOOK_BODIES
from frontend.database.notifications import tell
from frontend.jobs.process import run
from frontend.jobs.progress import open_maker
from frontend.jobs.startup import JobSystemSettings
from frontend.observe import logs, tracing
from frontend.observe.metrics import Metrics
from frontend.settings import InvalidSettings, Settings, load_settings
from frontend.triton.gateway import Gateway
from frontend.triton.make import make_gateway
from frontend.triton.sound_watch import SoundWatch


def main() -> int:
    """Work until SIGTERM or SIGINT; return the exit status."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"tritone: {error}\n")
        return 2
    logs.configure(settings.log_level)
    tracing.configure(settings.otlp_endpoint, "tritone-worker")
    metrics = Metrics()
    if settings.jobs.metrics_port:
        try:
            start_http_server(settings.jobs.metrics_port, settings.host, metrics.registry)
        except OSError as error:
            sys.stderr.write(f"tritone: TRITONE_JOBS__METRICS_PORT: {error.strerror}\n")
            return 2
    maker = open_maker(settings, _make_gateway(settings, metrics), metrics)
    job_settings = JobSystemSettings.of(settings)
    return run(job_settings, maker, WEBHOOK_BODIES, settings.drain_timeout_s, metrics)


def _make_gateway(settings: Settings, metrics: Metrics) -> Gateway:
    """Return the workers' gateway: frontends, whose readiness people ask, hear what it finds."""
    inner = make_gateway(settings.triton, metrics)
    if settings.jobs.database_url is None:
        return inner
    url = settings.jobs.database_url.get_secret_value()

    async def tell_doubt(model: str) -> None:
        await tell(url, "tell_doubt", model=model)

    return SoundWatch(inner, settings.triton, tell_doubt)


if __name__ == "__main__":
    sys.exit(main())
