"""The gateway that the settings ask for: to one Triton, or to a pool of them.

With `TRITONE_TRITON__FLEET`, the pool gives passes only to those that serve what is stated there.
"""

from functools import partial

from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.gateway import Gateway
from frontend.triton.pool import TritonPool
from frontend.triton.single import SingleTriton
from tritone.addresses import parse, resolve


def make_gateway(settings: TritonSettings, metrics: Metrics) -> Gateway:
    """Return a gateway to the Tritons of `TRITONE_TRITON__URL`, not opened yet."""
    tritons = parse(settings.url)
    if tritons.is_single and settings.fleet is None:
        return SingleTriton(settings)

    def connect(address: str) -> SingleTriton:
        return SingleTriton(settings.model_copy(update={"url": address}))

    look_up = partial(resolve, tritons, settings.rpc_timeout_s)
    return TritonPool(look_up, connect, settings, metrics)
