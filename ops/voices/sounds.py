"""A checkpoint of transformers that makes sounds as a model of ours: an ensemble of one part.

The part bears a denoiser's name, so that the frontend asks it for progress as it asks any other.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from ops.voices.configuration import lines, parameter, tensor_list
from ops.voices.publishing import FIRST_VERSION, MANIFEST, Files
from ops.voices.transformers import Found, NoCheckpoint, model_name
from tritone import tensors
from tritone.card import CARD_PARAMETER, ModelCard, ScheduleSettings, component_name
from tritone.checkpoints import FILE, Checkpoint
from tritone.families import FAMILIES
from tritone.tensors import TensorSpec

_MAX_SECONDS = 30.0  # MusicGen was trained on so much
_DEFAULT_SECONDS = 10.0


def make_card(found: Found, name: str | None) -> ModelCard:
    """Return the card of a checkpoint that makes sounds.

    Raises:
        NoCheckpoint: its configuration does not say what it makes.
    """
    family = FAMILIES[found.architecture.model_type]
    try:
        frame_samples = 1
        for ratio in found.config["audio_encoder"]["upsampling_ratios"]:
            frame_samples *= int(ratio)
        channels = int(found.config["decoder"].get("audio_channels", 1))
    except (KeyError, TypeError, ValueError) as error:
        raise NoCheckpoint(f"{found.source} does not say what it makes: {error!r}") from error
    return ModelCard(
        name=model_name(found.source, name),
        family=family.name,
        sample_rate=found.sample_rate,
        audio_channels=channels,
        samples_per_frame=frame_samples,
        latent_channels=1,
        max_frames=int(_MAX_SECONDS * found.sample_rate / frame_samples),
        frame_bucket=1,
        prompt_tokens=1,
        conditioning_tokens=1,
        conditioning_dim=1,
        global_dim=1,
        guidance=False,  # neither its scale nor its opposite is a request's
        default_steps=family.steps,
        default_guidance_scale=family.guidance_scale,
        default_seconds=_DEFAULT_SECONDS,
        extendable=False,
        schedule=ScheduleSettings(),
    )


def repository_files(found: Found, card: ModelCard, licence: str) -> Files:
    """Return every file of the model by its path in the repository."""
    part = component_name(card.name, "denoiser")
    checkpoint = Checkpoint(source=found.source, model_type=found.architecture.model_type)
    manifest = {"source": f"the checkpoint {found.source}", "license": licence}
    return {
        f"{card.name}/config.pbtxt": _ensemble(card, part).encode(),
        f"{card.name}/{FIRST_VERSION}/{MANIFEST}": json.dumps(manifest, indent=1).encode(),
        f"{part}/config.pbtxt": _maker(card, part).encode(),
        f"{part}/{FIRST_VERSION}/{FILE}": json.dumps(asdict(checkpoint), indent=1).encode(),
    }


def _ensemble(card: ModelCard, part: str) -> str:
    io = tensors.ensemble(card)
    pcm = io.outputs[0]
    return lines(
        f'name: "{card.name}"',
        'platform: "ensemble"',
        "max_batch_size: 1",
        tensor_list("input", io.inputs),
        tensor_list("output", [pcm]),
        "model_transaction_policy { decoupled: true }",
        parameter(CARD_PARAMETER, card.to_json()),
        "ensemble_scheduling { step [ {",
        f'  model_name: "{part}"',
        f"  model_version: {FIRST_VERSION}",
        *_maps("input_map", io.inputs),
        *_maps("output_map", [pcm]),
        "} ] }",
    )


def _maps(field: str, specs: Sequence[TensorSpec]) -> list[str]:
    return [f'  {field} {{ key: "{each.name}" value: "{each.name}" }}' for each in specs]


def _maker(card: ModelCard, part: str) -> str:
    io = tensors.ensemble(card)
    # Optional: a control request carries one, any one.
    inputs = [TensorSpec(each.name, each.dtype, each.dims, optional=True) for each in io.inputs]
    progress = TensorSpec(tensors.PROGRESS, "INT32", (2,))
    return lines(
        f'name: "{part}"',
        'backend: "transformers"',
        "max_batch_size: 1",
        tensor_list("input", inputs),
        tensor_list("output", [io.outputs[0], progress]),
        "model_transaction_policy { decoupled: true }",
        # One instance: it owns the queue.
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
        parameter(CARD_PARAMETER, card.to_json()),
        parameter("max_pending", "32"),
    )
