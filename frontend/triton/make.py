"""The gateway that the settings ask for: to one Triton, or to a pool of them."""

from functools import partial

from frontend.settings import TritonSettings
from frontend.triton.addresses import parse, resolve
from frontend.triton.gateway import Gateway
from frontend.triton.pool import TritonPool
from frontend.triton.single import SingleTriton


def make_gateway(settings: TritonSettings) -> Gateway:
    """Return a gateway to the Tritons of `TRITONE_TRITON__URL`, not opened yet."""
    tritons = parse(settings.url)
    if tritons.is_single:
        return SingleTriton(settings)

    def connect(address: str) -> Gateway:
        return SingleTriton(settings.model_copy(update={"url": address}))

    return TritonPool(
        partial(resolve, tritons, settings.rpc_timeout_s), connect, settings.refresh_s
    )
