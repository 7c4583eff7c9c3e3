"""Control requests: they name a pass that a model has, and stop it, or ask how far it is."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import grpc
import structlog
from tritonclient.utils import InferenceServerException

from frontend.triton.catalog import ServedModels
from frontend.triton.connection import Connection
from frontend.triton.errors import is_dead_backend, raise_domain_errors, to_domain_error
from frontend.triton.gateway import Progress
from frontend.triton.pass_tensors import make_input, read_progress
from frontend.triton.stream import InferRequest, stream_answers
from tritone import speech_tensors, tensors
from tritone.probes import PROBE

log = structlog.get_logger(__name__)

_NO_MORE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Control:
    """Sends control requests to every loaded version of a model.

    A pass may run on a candidate, or on the version before.
    """

    connection: Connection
    served: ServedModels
    timeout_s: float  # of one request

    async def cancel(self, model: str, pass_id: str) -> None:
        """Stop a pass; raises domain errors."""
        with raise_domain_errors():
            await self._ask(model, tensors.CANCEL, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """Return how far a pass is, or None: nobody knows it. Raises domain errors."""
        with raise_domain_errors():
            return await self._ask(model, tensors.QUERY, pass_id)

    async def count_passes(self, model: str) -> int | None:
        """Return how many passes a model has, whoever gave them; None: it is too old to say it.

        Raises domain errors.
        """
        with raise_domain_errors(logging.DEBUG):
            answers = await self._ask_versions(model, tensors.QUERY, PROBE)
        counts = [each.steps_done for each in answers if isinstance(each, Progress)]
        return sum(counts) if counts else None

    async def cancel_if_possible(self, model: str, pass_id: str, version: str = "") -> None:
        """Stop a pass, if Triton can still be told."""
        await self._try(model, tensors.CANCEL, pass_id, version=version)

    async def grant(self, model: str, pass_id: str, n_chunks: int, version: str = "") -> None:
        """Let a speaker make further chunks, if Triton can still be told; 0: somebody listens."""
        more = {speech_tensors.CHUNKS: n_chunks}
        await self._try(model, speech_tensors.GRANT, pass_id, more, version)

    async def is_known(self, model: str, pass_id: str) -> bool:
        """Return whether the model has, or had, a pass that it was given.

        A killed backend process never answers its running requests. Until it is loaded again it
        fails new ones at once; after that it does not know the old ones.

        Raises:
            BackendUnavailable: the process is dead.
        """
        try:
            return await self._ask(model, tensors.QUERY, pass_id) is not None
        except InferenceServerException as error:
            if is_dead_backend(error):
                raise to_domain_error(error) from error
        except grpc.RpcError as error:
            log.debug("progress_unknown", detail=error.details())
        return True  # for all that is known

    async def _try(
        self,
        model: str,
        verb: str,
        pass_id: str,
        more: Mapping[str, int] = _NO_MORE,
        version: str = "",
    ) -> None:
        try:
            await self._ask_versions(model, verb, pass_id, more, version)
        except (InferenceServerException, grpc.RpcError) as error:
            # Triton is away or has given up on its own: nothing is left to tell.
            log.debug("control_failed", verb=verb, pass_id=pass_id, detail=str(error))

    async def _ask(self, model: str, verb: str, pass_id: str) -> Progress | None:
        answers = await self._ask_versions(model, verb, pass_id)
        return next((each for each in answers if each is not None), None)

    async def _ask_versions(
        self,
        model: str,
        verb: str,
        pass_id: str,
        more: Mapping[str, int] = _NO_MORE,
        version: str = "",
    ) -> list[Progress | None]:
        """Return what each loaded version, or the one named, answers.

        Raises where none knows, and one fails.
        """
        target = self.served.control_target(model)
        requests = [
            InferRequest(
                model=target.model,
                version=each,
                # Triton refuses a request without any input, although all are optional.
                inputs=[make_input(tensors.SEED, "INT64", 0)],
                request_id=pass_id,
                timeout_s=self.timeout_s,
                parameters={verb: pass_id, **more},
            )
            for each in ((version,) if version else target.versions)
        ]
        answers = await asyncio.gather(*map(self._send, requests), return_exceptions=True)
        known = [answer for answer in answers if not isinstance(answer, BaseException)]
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures and not any(known):
            raise failures[0]
        return known

    async def _send(self, request: InferRequest) -> Progress | None:
        progress = None
        async for answer in stream_answers(self.connection.client, request):
            progress = progress or read_progress(answer)
        return progress
