"""From a request in our words to a finished sound. Knows no HTTP and no gRPC."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from opentelemetry.trace import SpanKind

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Overloaded,
    TritoneError,
    UnknownModel,
)
from frontend.observe import tracing
from frontend.observe.metrics import Metrics
from frontend.passes.admission import Admission, Ticket
from frontend.passes.caller import Caller
from frontend.settings import Settings
from frontend.sounds.assembly import assemble
from frontend.sounds.plan import Limits, Plan, make_plan
from frontend.sounds.request import GenerationRequest, Sound
from frontend.triton.gateway import Gateway, Pass, PassOptions, PassResult
from tritone.card import ModelCard


class Generator:
    """Makes sounds: resolves the model, plans, admits, runs the passes and assembles them."""

    def __init__(self, gateway: Gateway, settings: Settings, metrics: Metrics) -> None:
        """Share nothing with other generators but the gateway."""
        self._gateway = gateway
        self._settings = settings
        self._metrics = metrics
        self._admission = Admission(settings.admission)
        self._running: set[asyncio.Task[PassResult]] = set()  # a loop holds no task itself
        self._limits = Limits(
            max_prompt_chars=settings.max_prompt_chars, max_seconds=settings.max_seconds
        )
        metrics.watch(
            in_flight=lambda: self._admission.in_flight,
            waiting=lambda: self._admission.waiting,
            queue_age_s=lambda: self._admission.queue_age_s,
        )

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models that are served now, by name."""
        return self._gateway.catalog.cards

    def resolve(
        self, name: str | None, *, field: str = "model", is_for_later: bool = False
    ) -> ModelCard:
        """Return the model that a served name or an alias stands for; None: the default model.

        What is made later may be made by a model that is away now, but was here before.

        Raises:
            UnknownModel: neither served nor an alias.
            BackendUnavailable: it should be served, but is not now.
        """
        catalog = self._gateway.catalog
        cards = (*catalog.missed, *catalog.cards) if is_for_later else catalog.cards
        served = {card.name: card for card in cards}
        if name in served:
            return served[name]
        target = self._settings.aliases.get(name) if name is not None else None
        target = target or self._settings.default_model or min(served, default=None)
        is_ours = name is None or name in self._settings.aliases
        if is_ours and target in served:
            return served[target]
        if is_ours or name in catalog.away or not served:
            raise BackendUnavailable("The model is not available right now; try again later.")
        raise UnknownModel(str(name), field=field)

    def plan(self, request: GenerationRequest, *, is_for_later: bool = False) -> Plan:
        """Return what a request comes to, without doing it.

        Raises:
            InvalidRequest: a field is malformed or outside the model's limits.
            UnknownModel: no such model.
            BackendUnavailable: the model is away.
        """
        card = self.resolve(request.model, is_for_later=is_for_later)
        return make_plan(request, card, self._limits)

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        """Return the sound; cancelling the task stops the work.

        Raises:
            InvalidRequest: a field is malformed or outside the model's limits.
            UnknownModel: no such model.
            Overloaded: too many requests.
            BackendUnavailable: Triton or the model is away.
            DeadlineExceeded: not finished in time, waiting included.
            GenerationFailed: our side failed.
        """
        plan = self.plan(request)
        start = time.monotonic()
        timeout_s = min(request.timeout_s or self._settings.timeout_s, self._settings.timeout_s)
        traced = tracing.span("generation", _attributes(plan, caller.request_id))
        with self._counted(plan.passes[0].card.name), traced as span:
            try:
                async with asyncio.timeout(timeout_s):
                    results = await self._run_passes(plan, start + timeout_s, caller)
            except TimeoutError as error:
                raise DeadlineExceeded("The sound was not finished in time.") from error
            span.set_attribute("tritone.version", results[0].model_version)
        sound = await _finish(plan, results)
        answered_by = sound.card.name, sound.model_version
        self._metrics.generation_seconds.labels(*answered_by).observe(time.monotonic() - start)
        self._metrics.sound_seconds.labels(*answered_by).inc(sound.seconds)
        return sound

    @contextmanager
    def _counted(self, model: str) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self._metrics.cancelled.labels(model).inc()
            raise
        except TritoneError as error:
            self._metrics.failures.labels(model, type(error).__name__).inc()
            if isinstance(error, Overloaded):
                # Triton knows less than we do about when there is room.
                error.retry_after_s = max(error.retry_after_s, self._admission.retry_after_s)
            raise

    async def _run_passes(self, plan: Plan, deadline: float, caller: Caller) -> list[PassResult]:
        if len(plan.passes) == 1:
            return [await self._run_pass(plan.passes[0], deadline, caller)]
        try:
            async with asyncio.TaskGroup() as group:
                running = [
                    group.create_task(self._run_pass(each, deadline, caller))
                    for each in plan.passes
                ]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return [task.result() for task in running]

    async def _run_pass(self, pass_: Pass, deadline: float, caller: Caller) -> PassResult:
        """Return what one pass gave.

        Whoever leaves does not wait until the work has ended, but the pass holds its slot until
        then: otherwise those who leave crowd out those who stay.
        """
        running = asyncio.create_task(self._run_in_slot(pass_, deadline, caller))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.cancel()
            raise

    async def _run_in_slot(self, pass_: Pass, deadline: float, caller: Caller) -> PassResult:
        model, arrived_at = pass_.card.name, time.monotonic()
        ticket = Ticket(
            key=caller.owner,
            priority=caller.priority,
            deadline=deadline,
            cost=pass_.steps * pass_.span.latent_frames,
        )
        async with AsyncExitStack() as stack:
            with tracing.span("admission"):
                await stack.enter_async_context(self._admission.slot(ticket))
            entered_at = time.monotonic()
            self._metrics.stage_seconds.labels(model, "admission").observe(entered_at - arrived_at)
            options = PassOptions(
                pass_id=uuid.uuid4().hex,  # a caller may repeat its request id
                request_id=caller.request_id,
                timeout_s=max(0.001, deadline - time.monotonic()),
                share=caller.owner,
                priority=caller.priority,
            )
            with tracing.span("triton", kind=SpanKind.CLIENT):
                result = await self._gateway.generate(pass_, options)
            seconds = time.monotonic() - entered_at
            self._metrics.stage_seconds.labels(model, "triton").observe(seconds)
            self._metrics.observe_pass(model, result.model_version, result.pcm, seconds)
            for failed in result.failures:
                labels = model, failed.model_version, failed.error
                self._metrics.candidate_failures.labels(*labels).inc()
            return result


def _attributes(plan: Plan, request_id: str) -> dict[str, tracing.Attribute]:
    first = plan.passes[0]
    return {
        "tritone.model": first.card.name,
        "tritone.request_id": request_id,
        "tritone.steps": first.steps,
        "tritone.passes": len(plan.passes),
        "tritone.seconds": sum(each.seconds_end - each.seconds_start for each in plan.passes),
    }


async def _finish(plan: Plan, results: list[PassResult]) -> Sound:
    clips = [result.pcm for result in results]
    if len(clips) == 1 and not plan.loop:
        pcm = clips[0]
    else:
        pcm = await asyncio.to_thread(assemble, clips, plan)
    first = plan.passes[0]
    return Sound(
        pcm=pcm,
        card=first.card,
        model_version=results[0].model_version,
        seed=first.seed,
        steps=first.steps,
        guidance_scale=first.guidance_scale,
        notes=plan.notes,
    )
