"""From a request in our words to a finished sound. Knows no HTTP and no gRPC."""

import time

from frontend.audio.threads import in_audio_thread
from frontend.observe import tracing
from frontend.passes.caller import Caller
from frontend.passes.model_names import ModelNames
from frontend.passes.runner import PassRun, PassRunner
from frontend.settings import Settings
from frontend.sounds.assembly import assemble
from frontend.sounds.plan import Limits, Plan, make_plan
from frontend.sounds.request import GenerationRequest, Sound
from frontend.sounds.text_notes import note_text_uses
from frontend.triton.gateway import PassResult
from tritone.card import ModelCard


class Generator:
    """Makes sounds: resolves the model, plans, runs the passes and assembles them."""

    def __init__(self, runner: PassRunner, settings: Settings) -> None:
        """Share the runner with whoever else makes something of the same Triton."""
        self._runner = runner
        self._settings = settings
        self._names = ModelNames(aliases=settings.aliases, default=settings.default_model)
        self._limits = Limits(
            max_prompt_chars=settings.max_prompt_chars, max_seconds=settings.max_seconds
        )

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models of sounds that are served now, by name."""
        return self._runner.catalog.cards

    def resolve(
        self, name: str | None, *, field: str = "model", is_for_later: bool = False
    ) -> ModelCard:
        """Return the model that a served name or an alias stands for; None: the default model.

        What is made later may be made by a model that is away now, but was here before.

        Raises:
            UnknownModel: neither served nor an alias.
            BackendUnavailable: it should be served, but is not now.
        """
        catalog = self._runner.catalog
        missed = [card for card in catalog.missed if isinstance(card, ModelCard)]
        cards = (*missed, *catalog.cards) if is_for_later else catalog.cards
        return self._names.resolve(name, cards, catalog.away, field=field)

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
        longest_s = self._settings.timeout_s
        deadline = start + min(request.timeout_s or longest_s, longest_s)
        runs = [
            PassRun(pass_=each, cost=plan.cost, deadline=deadline, caller=caller)
            for each in plan.passes
        ]
        traced = tracing.span("generation", _attributes(plan, caller.request_id))
        with self._runner.count_failures(plan.card.name), traced as span:
            results = await self._runner.run_passes(runs)
            span.set_attribute("tritone.version", results[0].model_version)
        sound = await _finish(plan, results)
        answered_by = sound.card.name, sound.model_version
        metrics = self._runner.metrics
        metrics.generation_seconds.labels(*answered_by).observe(time.monotonic() - start)
        metrics.sound_seconds.labels(*answered_by).inc(sound.seconds)
        return sound


def _attributes(plan: Plan, request_id: str) -> dict[str, tracing.Attribute]:
    first = plan.passes[0]
    return {
        "tritone.model": plan.card.name,
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
        pcm = await in_audio_thread(assemble, clips, plan)
    first = plan.passes[0]
    return Sound(
        pcm=pcm,
        card=plan.card,
        model_version=results[0].model_version,
        seed=first.seed,
        steps=first.steps,
        guidance_scale=first.guidance_scale,
        notes=plan.notes + note_text_uses(results[0].text_uses, plan.card.spec.text_names),
    )
