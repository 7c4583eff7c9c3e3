"""A fake Triton and the gateway to it, and a network of several."""

from collections.abc import AsyncIterator

import pytest

from frontend.triton.gateway import Catalog
from frontend.triton.single import SingleTriton
from tests.fake_triton import FakeTriton
from tests.frontend.triton.network import Network
from tests.frontend.triton.servers import gateway_to, serving
from tritone.card import ModelCard


@pytest.fixture
def triton() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
async def gateway(triton: FakeTriton) -> AsyncIterator[SingleTriton]:
    async with serving(triton) as url, gateway_to(url) as gateway:
        yield gateway


@pytest.fixture
def network(card: ModelCard) -> Network:
    return Network(Catalog(cards=(card,)))
