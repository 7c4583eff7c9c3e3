"""What each pipeline says about itself, and whether our sampler speaks its scheduler's language.

Source: diffusers 0.42.1, the configurations of the pipelines' components.
"""

from collections.abc import Mapping

from diffusers import AceStepPipeline, SchedulerMixin, StableAudio3Pipeline, StableAudioPipeline

from export.cards import Facts
from export.errors import InvalidCheckpoint
from tritone.card import ScheduleSettings
from tritone.families import FAMILIES

MAX_PROMPT_TOKENS = 8192  # a tokenizer without a length reports 10**30
SA3_PROMPT_TOKENS = 256  # the pipeline caps its tokenizer here
SA3_BASE_STEPS = 100
SA3_BASE_GUIDANCE_SCALE = 7.0
ACE_TEXT_TOKENS = 256  # defaults of the pipeline's call
ACE_LYRIC_TOKENS = 2048
ACE_SECONDS = 600
ACE_TURBO_SHIFT = 3.0
# Of the base and sft checkpoints. Source: the model zoo of ACE-Step 1.5 (steps), diffusers' call
# (guidance).
ACE_GUIDED_STEPS = 50
ACE_GUIDANCE_SCALE = 7.0

# What the scheduler must say for `tritone.schedules` to be the same sampler.
_COSINE_DPM = {
    "sigma_schedule": "exponential",
    "solver_order": 2,
    "prediction_type": "v_prediction",
    "solver_type": "midpoint",
    "final_sigmas_type": "zero",
}
_FLOW_MATCH = {
    "use_dynamic_shifting": False,
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "invert_sigmas": False,
    "shift_terminal": None,
}


def stable_audio(pipeline: StableAudioPipeline) -> Facts:
    """Return the facts of a StableAudioPipeline.

    Raises:
        InvalidCheckpoint: its scheduler is configured in a way we do not implement, or its
            tokenizer has no length.
    """
    _check_scheduler(pipeline.scheduler, "CosineDPMSolverMultistepScheduler", _COSINE_DPM)
    scheduler, transformer = pipeline.scheduler.config, pipeline.transformer.config
    vae, family = pipeline.vae.config, FAMILIES["stable_audio"]
    tokens = int(pipeline.tokenizer.model_max_length)
    if tokens > MAX_PROMPT_TOKENS:
        raise InvalidCheckpoint(
            "the tokenizer has no length: write the number of tokens that the model was trained "
            'with into tokenizer/tokenizer_config.json, as "model_max_length" (Stable Audio Open: '
            "128)"
        )
    return Facts(
        sample_rate=vae.sampling_rate,
        audio_channels=vae.audio_channels,
        samples_per_frame=pipeline.vae.hop_length,
        latent_channels=transformer.in_channels,
        max_frames=transformer.sample_size,
        prompt_tokens=tokens,
        conditioning_tokens=tokens + 2,  # start and end in seconds
        conditioning_dim=transformer.cross_attention_input_dim,
        global_dim=transformer.global_states_input_dim,
        schedule=ScheduleSettings(
            sigma_min=float(scheduler.sigma_min), sigma_max=float(scheduler.sigma_max)
        ),
        steps=family.steps,
        guidance_scale=family.guidance_scale,
        is_variable_length=False,
    )


def stable_audio_3(pipeline: StableAudio3Pipeline) -> Facts:
    """Return the facts of a StableAudio3Pipeline.

    Raises:
        InvalidCheckpoint: its scheduler or its patches are configured in a way we do not implement.
    """
    _check_scheduler(pipeline.scheduler, "FlowMatchEulerDiscreteScheduler", _FLOW_MATCH)
    scheduler, transformer = pipeline.scheduler.config, pipeline.transformer.config
    vae, family = pipeline.vae, FAMILIES["stable_audio_3"]
    if transformer.patch_size != 1:
        raise InvalidCheckpoint(
            f"the transformer's patch_size is {transformer.patch_size}; only 1 is supported"
        )
    tokens = min(int(pipeline.tokenizer.model_max_length), SA3_PROMPT_TOKENS)
    seconds = float(pipeline.duration_embedder.config.max_val)
    is_distilled = bool(scheduler.stochastic_sampling)
    return Facts(
        sample_rate=vae.config.sampling_rate,
        audio_channels=vae.config.audio_channels,
        samples_per_frame=vae.downsampling_ratio,
        latent_channels=transformer.io_channels,
        max_frames=int(seconds * vae.config.sampling_rate // vae.downsampling_ratio),
        prompt_tokens=tokens,
        conditioning_tokens=tokens + 1,  # the duration
        conditioning_dim=transformer.cond_token_dim,
        global_dim=transformer.global_cond_dim,
        schedule=ScheduleSettings(stochastic=is_distilled, shift=float(scheduler.shift)),
        steps=family.steps if is_distilled else SA3_BASE_STEPS,
        guidance_scale=family.guidance_scale if is_distilled else SA3_BASE_GUIDANCE_SCALE,
        is_variable_length=True,
    )


def ace_step(pipeline: AceStepPipeline) -> Facts:
    """Return the facts of an AceStepPipeline: of a turbo checkpoint, or of one that is guided.

    Raises:
        InvalidCheckpoint: its scheduler is configured in a way that is not implemented.
    """
    _check_scheduler(pipeline.scheduler, "FlowMatchEulerDiscreteScheduler", _FLOW_MATCH)
    transformer, vae, family = pipeline.transformer.config, pipeline.vae, FAMILIES["ace_step"]
    silence = pipeline.condition_encoder.silence_latent
    frames = min(int(ACE_SECONDS * pipeline.latents_per_second), silence.shape[1])
    return Facts(
        sample_rate=vae.config.sampling_rate,
        audio_channels=vae.config.audio_channels,
        samples_per_frame=vae.hop_length,
        latent_channels=transformer.audio_acoustic_hidden_dim,
        max_frames=frames - frames % transformer.patch_size,
        prompt_tokens=ACE_TEXT_TOKENS,
        conditioning_tokens=0,  # as many as the lyrics need
        conditioning_dim=pipeline.condition_encoder.config.hidden_size,
        global_dim=0,
        schedule=ScheduleSettings(shift=ACE_TURBO_SHIFT if pipeline.is_turbo else 1.0),
        steps=family.steps if pipeline.is_turbo else ACE_GUIDED_STEPS,
        guidance_scale=family.guidance_scale if pipeline.is_turbo else ACE_GUIDANCE_SCALE,
        may_be_guided=not pipeline.is_turbo,
        is_variable_length=True,
        lyric_tokens=ACE_LYRIC_TOKENS,
        frame_multiple=transformer.patch_size,
        **_count_codes(pipeline),
    )


def _count_codes(pipeline: AceStepPipeline) -> dict[str, int]:
    """Return what a checkpoint says of audio codes; nothing if it has no decoder of them."""
    # An optional part of the pipeline: some have none.
    detokenizer = getattr(pipeline, "audio_token_detokenizer", None)
    tokenizer = getattr(pipeline, "audio_tokenizer", None)
    if tokenizer is None or detokenizer is None:
        return {}
    return {
        "audio_codes": tokenizer.quantizer.codebook_size,
        "frames_per_code": detokenizer.config.pool_window_size,
    }


def _check_scheduler(
    scheduler: SchedulerMixin, supported: str, required: Mapping[str, object]
) -> None:
    found = type(scheduler).__name__
    if found != supported:
        raise InvalidCheckpoint(f"the scheduler is a {found}; supported is {supported}")
    for key, value in required.items():
        said = scheduler.config.get(key)
        if said != value:
            raise InvalidCheckpoint(f"the scheduler's {key} is {said!r}; supported is {value!r}")
