"""The commands that make the starter, in the order they are run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.recipe import RECIPE

if TYPE_CHECKING:
    from starter.progress import Bar
    from starter.training import OnStep, Plan, Trainee
    from starter.transformer_training import Material

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
)
Work = Annotated[
    Path, typer.Option(help="Folder for caches, checkpoints, samples and logs (not in git).")
]
Minutes = Annotated[
    float,
    typer.Option(help="Time to train in all, pauses not counted; the learning rate ends at 0."),
]
Steps = Annotated[
    int | None,
    typer.Option(help="Train this many steps in all, instead of minutes: repeatable to the bit."),
]
Threads = Annotated[int, typer.Option(help="CPU threads for torch.")]
WORK = Path("work/starter")
REPOSITORY = Path("model_repository")
PAGES = Path(__file__).parent


@app.command()
def corpus(work: Work = WORK) -> None:
    """Synthesise the corpus into a cache.

    Training clips and held-out clips (about 3 minutes on 2 cores).
    """
    from starter.corpus.cache import SPLITS, build
    from starter.progress import progress_bar

    held_out = replace(RECIPE.corpus, clips_per_kind=RECIPE.corpus.held_out_per_kind, mixtures=0)
    for split, sizes in (("training", RECIPE.corpus), ("held_out", held_out)):
        with progress_bar(f"{split} clips") as bar:
            build(work / "corpus" / split, replace(RECIPE, corpus=sizes), SPLITS[split], bar)
    _draw_corpus(PAGES / "corpus.png")
    typer.echo(f"corpus ready in {work / 'corpus'}")


def _make_display(bar: "Bar", plan: "Plan") -> "OnStep":
    """Show a training on a progress bar, counted in what its plan counts."""

    def show(trainee: "Trainee[Any]", note: str) -> None:
        step = trainee.progress.step
        if plan.steps:
            bar(step, plan.steps, note)
        else:
            bar(round(trainee.progress.active_s), round(60 * plan.minutes), f"step {step} {note}")

    return show


@app.callback()
def main() -> None:
    """Make the bundled checkpoint.

    corpus, fit-judge, train-text, train-vocoder and train-transformer (side by side), assemble,
    evaluate.
    """


@app.command("train-text")
def train_text(work: Work = WORK, steps: int = 500, threads: Threads = 1) -> None:
    """Teach the text encoder what captions ask for, a few minutes, before train-transformer."""
    import torch

    from starter.corpus.captions import all_training_captions
    from starter.networks import Denoiser
    from starter.progress import progress_bar
    from starter.text import load_or_train
    from starter.text_training import CHECKPOINT, teach
    from starter.training import Plan

    torch.set_num_threads(threads)
    plan = Plan(minutes=0, steps=steps, warm_up_steps=60)
    tokenizer = load_or_train(work / "tokenizer", all_training_captions(), RECIPE.text)
    torch.manual_seed(plan.seed)
    encoder = Denoiser(RECIPE, len(tokenizer)).text_encoder
    with progress_bar("text encoder") as bar:
        right = teach(encoder, tokenizer, RECIPE.text, plan, bar)
    torch.save(encoder.state_dict(), work / CHECKPOINT)
    typer.echo(f"{right:.0%} of the last captions understood")


def _material(work: Path) -> "Material":
    """What the transformer reads: latents drawn from the corpus, and the tokenizer."""
    from starter.corpus.cache import load
    from starter.corpus.captions import all_training_captions
    from starter.latents import LatentSampler, statistics
    from starter.text import load_or_train
    from starter.transformer_training import Material

    cache = load(work / "corpus" / "training", RECIPE.latent)
    tokenizer = load_or_train(work / "tokenizer", all_training_captions(), RECIPE.text)
    measured = statistics(work, cache, RECIPE.latent)
    return Material(RECIPE, LatentSampler(cache, measured, RECIPE.latent), tokenizer)


@app.command("train-transformer")
def train_transformer(
    work: Work = WORK, minutes: Minutes = 80.0, steps: Steps = None, threads: Threads = 1
) -> None:
    """Train text encoder and transformer; continues where it stopped.

    Run it after train-text and beside train-vocoder.
    """
    import torch

    from starter.latents import STATISTICS_FILE, read_statistics
    from starter.networks import Denoiser
    from starter.progress import progress_bar
    from starter.samples import SamplePages
    from starter.text_training import CHECKPOINT as TEXT
    from starter.training import Plan, Trainee
    from starter.transformer_training import CHECKPOINT, train

    if not (work / TEXT).exists():
        raise typer.BadParameter(f"{work / TEXT} is missing: run train-text first")
    torch.set_num_threads(threads)
    plan = Plan(minutes=minutes, steps=steps, peak_rate=8e-4)
    material = _material(work)
    torch.manual_seed(plan.seed)
    denoiser = Denoiser(RECIPE, len(material.tokenizer))
    denoiser.text_encoder.load_state_dict(torch.load(work / TEXT, weights_only=True))
    trainee = Trainee.new(denoiser, plan)
    resumed = trainee.restore(work / CHECKPOINT)
    typer.echo(f"{'resumed at' if resumed else 'starting at'} step {trainee.progress.step}")
    with progress_bar("transformer") as bar:
        measured = read_statistics(work / STATISTICS_FILE)
        show, draw = (
            _make_display(bar, plan),
            SamplePages(material, measured, work / "samples"),
        )

        def on_step(trainee: "Trainee[Any]", note: str) -> None:
            show(trainee, note)
            draw(trainee)

        train(trainee, material, plan, work, on_step)


@app.command("train-vocoder")
def train_vocoder(
    work: Work = WORK, minutes: Minutes = 80.0, steps: Steps = None, threads: Threads = 1
) -> None:
    """Train the decoder from latents to waves; continues where it stopped.

    Run it beside train-transformer.
    """
    import torch

    from starter.bank_start import Source, start_as_bank
    from starter.corpus.cache import load
    from starter.latents import statistics
    from starter.networks import build_vae
    from starter.progress import progress_bar
    from starter.training import Plan, Trainee
    from starter.vocoder_training import CHECKPOINT, VocoderMaterial, train

    torch.set_num_threads(threads)
    # Tiny: the bank's squares are exact to the last -90 dB, and larger steps break them.
    plan = Plan(minutes=minutes, steps=steps, peak_rate=1.5e-6)
    cache = load(work / "corpus" / "training", RECIPE.latent)
    material = VocoderMaterial(RECIPE.latent, cache, statistics(work, cache, RECIPE.latent))
    torch.manual_seed(plan.seed)
    decoder = build_vae(RECIPE).decoder
    if not (work / CHECKPOINT).exists():
        typer.echo("setting the bank of oscillators (a minute)")
        start_as_bank(decoder, Source(cache, material.measured, RECIPE.latent))
        Trainee.new(decoder, plan).save(work / CHECKPOINT)
    trainee = Trainee.new(decoder, plan)
    trainee.restore(work / CHECKPOINT)
    typer.echo(f"continuing at step {trainee.progress.step}")
    with progress_bar("vocoder") as bar:
        train(trainee, material, plan, work, _make_display(bar, plan))


@app.command("fit-judge")
def fit_judge(work: Work = WORK, threads: Threads = 1) -> None:
    """Fit the classifier that judges what is generated, on corpus clips only (5 minutes)."""
    import torch

    from starter.classifier import FILE, fit
    from starter.corpus.cache import load
    from starter.progress import progress_bar

    torch.set_num_threads(threads)
    with progress_bar("judge") as bar:
        judge = fit(load(work / "corpus" / "training", RECIPE.latent), RECIPE.latent, bar)
    judge.save(PAGES / FILE)
    typer.echo(f"judge written to {PAGES / FILE}")


@app.command()
def assemble(
    work: Work = WORK,
    target: Annotated[
        Path | None, typer.Option(help="Folder to write; default: WORK/checkpoint.")
    ] = None,
) -> None:
    """Write the diffusers folder from the current averaged weights.

    Possible while both trainings run.
    """
    from starter.assemble import assemble as write_folder
    from starter.assemble import read_defaults

    folder = target or work / "checkpoint"
    write_folder(work, folder, RECIPE, read_defaults(folder))
    typer.echo(f"checkpoint written to {folder}")


@app.command()
def restore(
    repository: Annotated[
        Path, typer.Option(help="Model repository that serves the starter.")
    ] = REPOSITORY,
    target: Annotated[Path, typer.Option(help="Folder to write.")] = WORK / "checkpoint",
) -> None:
    """Write the diffusers folder of the bundled starter, out of the graphs that are served.

    No training is needed: export it in another precision, or use it with diffusers.
    """
    from starter.restore import NotRestored
    from starter.restore import restore as restore_folder

    try:
        errors = restore_folder(repository, "starter", target, RECIPE)
    except (NotRestored, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    for component, distance in errors.items():
        typer.echo(f"{component}: within {distance:.1g} of its graph")
    typer.echo(f"checkpoint written to {target}")


@app.command()
def evaluate(
    work: Work = WORK,
    seeds: Annotated[int, typer.Option(help="Sounds to generate for each kind.")] = 8,
    sweep_seeds: Annotated[
        int, typer.Option(help="Sounds per kind and setting in the sweep; 0 skips it.")
    ] = 0,
    threads: Threads = 1,
) -> None:
    """Measure what the model makes of held-out captions; writes EVALUATION.md and evaluation.png.

    Measures what was trained last, or what the repository serves if nothing was trained here. With
    --sweep-seeds the default steps and guidance are chosen anew and written into the checkpoint
    folder.
    """
    import torch

    from starter.evaluate import EvaluationRun
    from starter.evaluate import evaluate as measure

    for split in ("training", "held_out"):
        if not (work / "corpus" / split).exists():
            raise typer.BadParameter(f"{work / 'corpus' / split} is missing: run corpus first")
    torch.set_num_threads(threads)
    accuracy = measure(EvaluationRun(work, REPOSITORY, PAGES, seeds, sweep_seeds), RECIPE)
    typer.echo(f"{accuracy:.1%} recognised; see {PAGES / 'EVALUATION.md'}")


def _draw_corpus(path: Path) -> None:
    """Two clips of every kind on one page."""
    from starter.corpus.clips import Wanted, make_clip
    from starter.corpus.kinds import KINDS
    from starter.figures import Panel, draw_page
    from starter.mel import log_mel

    panels = []
    for name in KINDS:
        for seed in (1, 2):
            wave = make_clip(Wanted((name,), 20_000_000 + seed), RECIPE.corpus).mono
            panels.append(
                Panel(name, log_mel(wave[: 5 * RECIPE.audio.sample_rate_hz], RECIPE.latent))
            )
    draw_page(panels, path, RECIPE.latent)
