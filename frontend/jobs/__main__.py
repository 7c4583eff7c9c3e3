"""`python -m frontend.jobs`: one worker, with the settings of the environment.

The one place of this package that knows the contracts: they promise bodies of webhooks.
"""

import sys

from frontend import logs
from frontend.contracts import WEBHOOK_BODIES
from frontend.jobs.opening import Groups
from frontend.jobs.process import run
from frontend.jobs.progress import sound_maker
from frontend.settings import InvalidSettings, load_settings
from frontend.triton import TritonGateway


def main() -> int:
    """Work until SIGTERM or SIGINT; return the exit status."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"tritone: {error}\n")
        return 2
    logs.configure(settings.log_level)
    groups = Groups(jobs=settings.jobs, storage=settings.storage, webhooks=settings.webhooks)
    maker = sound_maker(settings, TritonGateway(settings.triton))
    return run(groups, maker, WEBHOOK_BODIES, settings.drain_timeout_s)


if __name__ == "__main__":
    sys.exit(main())
