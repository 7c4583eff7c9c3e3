"""Further versions of a published model, good and bad, and traffic that watches who answers."""

import hashlib
import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import numpy as np
import onnx
from onnx import numpy_helper

from export.fingerprints import take_fingerprint
from export.hashing import file_hash
from export.trials import Files
from tests.acceptance import drills
from tritone.card import COMPONENTS, component_name, read_card
from tritone.fingerprints import Fingerprint

PATIENCE_S = 60.0
PAUSE_S = 0.2  # of a client after an answer: more would keep the cores from what is tested
until = partial(drills.until, timeout_s=PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes versions of one model into a repository, as copies of its first."""

    repository: Path
    model: str

    def publish(
        self,
        version: int,
        spoil: Callable[["Publisher", int], None],
        *,
        takes_fingerprint: bool = False,
        is_hashed: bool = True,
    ) -> None:
        """Publish what `spoil` makes of the first version."""
        for name in (*(component_name(self.model, c) for c in COMPONENTS), self.model):
            folder = self.repository / name
            shutil.copytree(folder / "1", folder / str(version), copy_function=os.link)
        manifest = self.repository / self.model / str(version) / "manifest.json"
        fields = json.loads(manifest.read_text())
        for what in ("artifacts", "sizes"):
            fields[what] = {
                name.replace("/1/", f"/{version}/"): value for name, value in fields[what].items()
            }
        spoil(self, version)
        if is_hashed:
            fields["artifacts"] = {
                name: file_hash(self.repository / name) for name in fields["artifacts"]
            }
        if takes_fingerprint:
            fields["fingerprint"] = asdict(self._fingerprint(version))
        manifest.unlink()
        manifest.write_text(json.dumps(fields))

    def file(self, component: str, version: int) -> Path:
        """Return the network of a version."""
        name = "tokenizer.json" if component == "tokenizer" else "model.onnx"
        return self.repository / component_name(self.model, component) / str(version) / name

    def _fingerprint(self, version: int) -> Fingerprint:
        card = read_card((self.repository / self.model / "config.pbtxt").read_text())
        assert card is not None
        paths = {c: self.file(c, version) for c in COMPONENTS if c != "denoiser"}
        return take_fingerprint(Files(paths), card, "fp32")


def scaled(factor: Callable[[np.random.Generator], object]) -> Callable[[Publisher, int], None]:
    """Return a change of the transformer: every large weight is multiplied."""

    def spoil(publisher: Publisher, version: int) -> None:
        path = publisher.file("transformer", version)
        network, random = onnx.load(path), np.random.default_rng(0)
        for tensor in network.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.ndim == 2 and values.size > 1000:
                changed = (values * factor(random)).astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
        path.unlink()  # a link to the first version's
        onnx.save(network, path)

    return spoil


def truncated(publisher: Publisher, version: int) -> None:
    """Leave half of the transformer's file."""
    path = publisher.file("transformer", version)
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.unlink()
    path.write_bytes(half)


def deafened(publisher: Publisher, version: int) -> None:
    """Let the text encoder say the same of every text."""
    path = publisher.file("text_encoder", version)
    network = onnx.load(path)
    zero = numpy_helper.from_array(np.zeros((), np.float32), "nothing")
    network.graph.initializer.append(zero)
    for output in network.graph.output:
        for node in network.graph.node:
            node.output[:] = [f"{o}_heard" if o == output.name else o for o in node.output]
            node.input[:] = [f"{i}_heard" if i == output.name else i for i in node.input]
        heard = f"{output.name}_heard"
        network.graph.node.append(onnx.helper.make_node("Mul", [heard, "nothing"], [output.name]))
    path.unlink()
    onnx.save(network, path)


@dataclass(slots=True)
class Traffic:
    """What clients got. Answers are told apart by seed and by the version that they name."""

    answers: Counter[str] = field(default_factory=Counter)  # by version
    failures: list[str] = field(default_factory=list)
    sounds: dict[tuple[int, str], str] = field(default_factory=dict)  # hash by seed and version
    changed: list[tuple[int, str]] = field(default_factory=list)
    latest: str = ""  # version

    def take(self, seed: int, answer: httpx2.Response) -> None:
        """Note one answer."""
        if answer.status_code != httpx2.codes.OK:
            self.failures.append(f"{answer.status_code} {answer.text}")
            return
        version = answer.headers["x-tritone-model-version"]
        self.answers[version] += 1
        self.latest = version
        digest = hashlib.sha256(answer.content).hexdigest()
        if self.sounds.setdefault((seed, version), digest) != digest:
            self.changed.append((seed, version))

    def since(self, before: Counter[str]) -> Counter[str]:
        """Return the answers after a copy of `answers` was taken."""
        return self.answers - before


@contextmanager
def traffic(address: str, n_clients: int = 3) -> Iterator[Traffic]:
    """Let clients ask, each for its own sound, one after the other, until the end."""
    seen, stop = Traffic(), threading.Event()

    def ask_on(seed: int) -> None:
        body = {
            "input": f"rain {seed}",
            "audio_length": 0.5,
            "seed": seed,
            "num_inference_steps": 4,
            "response_format": "wav",
        }
        with httpx2.Client(base_url=f"http://{address}", timeout=PATIENCE_S) as http:
            while not stop.is_set():
                try:
                    answer = http.post("/v1/audio/generate", json=body)
                except httpx2.HTTPError as error:
                    seen.failures.append(repr(error))
                else:
                    seen.take(seed, answer)
                stop.wait(PAUSE_S)

    clients = [threading.Thread(target=ask_on, args=(seed,)) for seed in range(n_clients)]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        stop.set()
        for client in clients:
            client.join()
