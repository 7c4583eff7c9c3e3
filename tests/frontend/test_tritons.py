import pytest

from frontend.pool import Pool
from frontend.settings import TritonSettings
from frontend.triton import TritonGateway
from frontend.tritons import make_gateway


@pytest.mark.parametrize(
    ("url", "kind"),
    [("a:8001", TritonGateway), ("a:8001,b:8001", Pool), ("dns:///tritons:8001", Pool)],
)
def test_several_tritons_are_a_pool(url: str, kind: type) -> None:
    assert type(make_gateway(TritonSettings.model_validate({"url": url}))) is kind
