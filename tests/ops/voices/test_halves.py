from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from ops.voices.halves import NoCut, split
from ops.voices.hibari import network_file, network_halves, package_folder
from tritone.placement import FEATURES_FILE, FRAMES_FILE
from tritone.speech_tensors import FEATURES, IDS, SPEED

Arrays = dict[str, NDArray[Any]]


def _hibari() -> bytes:
    package = package_folder()
    assert package is not None
    return network_file(package)


def test_the_halves_make_what_the_whole_makes() -> None:
    network = _hibari()
    inputs: Arrays = {IDS: np.arange(3, 23)[np.newaxis], SPEED: np.ones(1, np.float32)}
    whole = _run(network, inputs)
    files = network_halves(network)
    first = _run(files[FEATURES_FILE], inputs)
    second = _run(files[FRAMES_FILE], {FEATURES: first.pop(FEATURES)})
    assert first.keys() | second.keys() == whole.keys()
    for name, value in (first | second).items():
        np.testing.assert_allclose(value, whole[name], rtol=0, atol=1e-5)


def test_a_cut_that_leaves_another_way_to_the_outputs_is_refused() -> None:
    with pytest.raises(NoCut, match="beside '/Clip_output_0' the outputs need ids"):
        split(_hibari(), at="/Clip_output_0", name=FEATURES, second=["lh"])
    with pytest.raises(NoCut, match="no tensor 'nowhere'"):
        split(_hibari(), at="nowhere", name=FEATURES, second=["lh"])


def _run(network: bytes, inputs: Arrays) -> Arrays:
    session = ort.InferenceSession(network, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))
