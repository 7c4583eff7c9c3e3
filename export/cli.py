"""`python -m export`: the options, the progress on the screen, and the exit code."""

from pathlib import Path
from typing import Annotated

import typer

from export import screen
from export.cards import Choices, check_name, list_known_fields
from export.checkpoint import open_checkpoint
from export.configs import ServingOptions, choose_serving
from export.errors import ExportError
from export.precision import Precision
from export.repository import check_target

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_SOUND = "What is served when a request does not say (default: as the checkpoint says)"
_SERVING = "How it is served (config.pbtxt; can be changed there later)"


@app.command()
def export(  # noqa: PLR0913, PLR0917  # every parameter is an option of the command line
    checkpoint: Annotated[
        str,
        typer.Argument(
            help="Folder of a diffusers pipeline (StableAudioPipeline, StableAudio3Pipeline or "
            "AceStepPipeline), or its id on the Hugging Face hub.",
        ),
    ],
    name: Annotated[
        str, typer.Option(help="Name under which Triton serves the model; clients send it.")
    ],
    repository: Annotated[
        Path, typer.Option(help="Triton model repository; created if it is not there.")
    ] = Path("model_repository"),
    precision: Annotated[
        Precision,
        typer.Option(
            help="fp32: exact. fp16: the transformer in half precision, for GPUs. bf16: the same "
            "with the range of fp32 and fewer digits; CPUs cannot serve it. "
            "int8: text encoder and transformer quantised, up to 3x faster on CPUs; not exact, and "
            "a sound then depends a little on those that share its batch."
        ),
    ] = "fp32",
    adapter: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A LoRA adapter (.safetensors) to add to the transformer's weights; "
            "adapter_config.json beside it says its alpha. (AceStepPipeline)",
        ),
    ] = None,
    external_data: Annotated[
        bool | None,
        typer.Option(
            "--external-data/--inline-data",
            help="Keep weights in model.onnx.data (default: only above 1.5 GB).",
        ),
    ] = None,
    fused_attention: Annotated[
        bool,
        typer.Option(
            "--fused-attention",
            help="Attention as one operator (ONNX opset 23), for GPUs; needs TensorRT 10.14.",
        ),
    ] = False,
    steps: Annotated[
        int | None, typer.Option(help="Denoising steps.", rich_help_panel=_SOUND)
    ] = None,
    guidance_scale: Annotated[
        float | None,
        typer.Option(help="Strength of the prompt; 1: no guidance.", rich_help_panel=_SOUND),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of a sound.", rich_help_panel=_SOUND)
    ] = None,
    eta: Annotated[
        float | None,
        typer.Option(
            help="1: SDE solver with fresh noise at every step. 0: deterministic ODE solver, which "
            "needs fewer steps. (StableAudioPipeline)",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    guidance: Annotated[
        bool | None,
        typer.Option(
            "--guidance/--no-guidance",
            help="Whether negative prompts and guidance are served at all; without, a step costs "
            "half (default: if the guidance scale is above 1).",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    guidance_min_sigma: Annotated[
        float | None,
        typer.Option(
            help="Guide only steps at this noise level or above; on CPUs another step costs half "
            "(default: all).",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    guidance_max_sigma: Annotated[
        float | None,
        typer.Option(
            help="Guide only steps at this noise level or below (default: all).",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    variable_length: Annotated[
        bool | None,
        typer.Option(
            "--variable-length/--whole-window",
            help="Whether a short sound costs less than a long one, or always the whole window, as "
            "in StableAudioPipeline's training.",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    frame_bucket: Annotated[
        int | None,
        typer.Option(
            help="Lengths are rounded up to multiples of this many latent frames; requests of one "
            "length share batches. Implies --variable-length.",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    extendable: Annotated[
        bool | None,
        typer.Option(
            "--extendable/--not-extendable",
            help="Whether sounds longer than the window may be made by looping and stitching.",
            rich_help_panel=_SOUND,
        ),
    ] = None,
    max_batch: Annotated[
        int, typer.Option(min=1, max=64, help="Rows of one execution.", rich_help_panel=_SERVING)
    ] = 8,
    step_batch: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            help="Requests that share a diffusion step. GPUs gain by more; CPUs do not, and only "
            "with 1 a seed repeats bit for bit under load.",
            rich_help_panel=_SERVING,
        ),
    ] = 1,
    in_process: Annotated[
        bool | None,
        typer.Option(
            "--in-process/--over-triton",
            help="Whether the denoiser loads the transformer itself where its Python has ONNX "
            "Runtime, which is faster on CPUs and keeps steps on a GPU (`tritone up --gpu`), or "
            "always calls it as a Triton model (default: itself, unless --step-batch is above 1 "
            "in fp32 or int8).",
            rich_help_panel=_SERVING,
        ),
    ] = None,
    warm_up: Annotated[
        bool | None,
        typer.Option(
            "--warm-up/--no-warm-up",
            help="Whether Triton decodes each length once before the model is ready, as GPUs need "
            "(default: in fp16 and bf16).",
            rich_help_panel=_SERVING,
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads of each network.", rich_help_panel=_SERVING)
    ] = 2,
) -> None:
    """Turn a diffusers checkpoint into models that Triton serves.

    Exports the networks to ONNX, checks each of them and the whole path against PyTorch, and
    publishes the result as the next version of the model. Nothing is published when a check fails,
    and a version that exists is never touched.

    Example: `python -m export ./stable-audio-open-1.0 --name sound --precision fp16`

    What is served by default may also stand in the checkpoint's `generation_defaults.json`, under
    the options' names; options win. A model keeps the facts and defaults of its first version: to
    change them, choose another name.
    """
    choices = Choices(
        steps=steps,
        guidance_scale=guidance_scale,
        seconds=seconds,
        eta=eta,
        guidance=guidance,
        guidance_min_sigma=guidance_min_sigma,
        guidance_max_sigma=guidance_max_sigma,
        variable_length=variable_length,
        frame_bucket=frame_bucket,
        extendable=extendable,
    )
    try:
        check_name(name)
        opened = open_checkpoint(checkpoint)
        known = list_known_fields(opened.family, choices.over(opened.defaults))
        check_target(repository, name, known)
        # Late: torch takes seconds, which neither --help nor a wrong folder's name need.
        from export import exporter  # noqa: PLC0415

        request = exporter.ExportRequest(
            checkpoint=opened,
            name=name,
            repository=repository,
            precision=precision,
            external_data=external_data,
            fuses_attention=fused_attention,
            choices=choices,
            adapter=adapter,
            serving=choose_serving(
                precision,
                ServingOptions(max_batch=max_batch, step_batch=step_batch, threads=threads),
                in_process=in_process,
                warms_up=warm_up,
            ),
        )
        with screen.progress(exporter.STAGES) as announce:
            published = exporter.export(request, announce)
    except ExportError as error:
        screen.show_error(error)
        raise typer.Exit(1) from None
    screen.show_published(published, repository)
