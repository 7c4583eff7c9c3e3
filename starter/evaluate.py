"""Run an evaluation from checkpoint to page."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starter.assemble import read_defaults, write_defaults
from starter.classifier import FILE as JUDGE_FILE
from starter.classifier import Judge
from starter.corpus.cache import load
from starter.evaluation import (
    SECONDS,
    SEED,
    Bench,
    SweepPoint,
    behaviour,
    best,
    judge_corpus,
    judge_vocoded,
    load_bench,
    overall,
    play_all,
    sweep,
)
from starter.figures import Panel, draw_page
from starter.instrument import Instrument
from starter.latents import statistics
from starter.progress import progress_bar
from starter.recipe import Recipe
from starter.report import Findings, render
from starter.restore import restore_parts
from starter.sampler import Settings
from starter.transformer_training import CHECKPOINT

GUIDANCES = (1.0, 2.0, 3.0, 4.0, 6.0)
STEPS = (8, 12, 16, 20, 30)
GUIDED = ((1.75, None), (1.75, 56.0), (1.75, 17.5), (1.75, 5.5), (0.5, 5.5), (0.5, 17.5))
"""Lowest and highest noise level of guided steps."""
MIDDLE_STEPS = 16  # where guidances are compared; steps are then compared at the best of them
RECORD = "evaluation.json"
EXAMPLES = ("rain", "bell", "birds")  # shown in the README


@dataclass(frozen=True)
class EvaluationRun:
    """Where to read and write, and how many sounds to make."""

    work: Path
    repository: Path
    pages: Path
    seeds: int
    sweep_seeds: int


def evaluate(run: EvaluationRun, recipe: Recipe) -> float:
    """Measure, write the page and the picture, and return the share recognised.

    What was trained here last is measured; where nothing was, what the repository serves.
    """
    judge = Judge.load(run.pages / JUDGE_FILE)
    checkpoint = run.work / "checkpoint"
    if (run.work / CHECKPOINT).exists():
        instrument, settings = Instrument.load(run.work, recipe), read_defaults(checkpoint)
    else:
        instrument, settings = _restore_served(run, recipe)
    bench = load_bench(run.work, instrument, judge)
    found = _measure(run, bench, settings)
    if run.sweep_seeds and checkpoint.exists():
        write_defaults(checkpoint, recipe, found.settings)
    (run.pages / "EVALUATION.md").write_text(render(found))
    (run.pages / RECORD).write_text(json.dumps(_record(found), indent=1) + "\n")
    _draw(found, bench, run.pages / "evaluation.png")
    _draw_examples(found, bench, run.pages / "examples.png")
    return overall(found.results)


def _restore_served(run: EvaluationRun, recipe: Recipe) -> tuple[Instrument, Settings]:
    parts = restore_parts(run.repository, "starter", recipe)
    corpus = load(run.work / "corpus" / "training", recipe.latent)
    measured = statistics(run.work, corpus, recipe.latent)
    instrument = Instrument(recipe, parts.denoiser, parts.tokenizer, measured, parts.vae)
    return instrument, parts.settings


def _measure(run: EvaluationRun, bench: Bench, settings: Settings) -> Findings:
    points = _kept_sweep(run)
    if run.sweep_seeds:
        points = _sweep(run, bench)
        settings = best(points, bench.instrument.recipe.noise)
    started = time.monotonic()
    with progress_bar("kinds") as bar:
        results = play_all(bench, run.seeds, settings, bar)
    elapsed_s = time.monotonic() - started
    return Findings(
        settings,
        results,
        behaviour(bench, results, settings),
        judge_corpus(bench),
        judge_vocoded(bench),
        _training(run),
        elapsed_s / len(results) / run.seeds,
        points,
    )


def _sweep(run: EvaluationRun, bench: Bench) -> list[SweepPoint]:
    """Guidances at a middle number of steps, numbers of steps, and then which steps are guided."""
    with progress_bar("guidance") as bar:
        grid = [Settings(MIDDLE_STEPS, g) for g in GUIDANCES]
        points = sweep(bench, run.sweep_seeds, grid, bar)
    guidance = max(points, key=lambda p: (p.good, -p.distance)).settings.guidance
    with progress_bar("steps") as bar:
        grid = [Settings(n, guidance) for n in STEPS if n != MIDDLE_STEPS]
        points += sweep(bench, run.sweep_seeds, grid, bar)
    steps = best(points, bench.instrument.recipe.noise).steps
    with progress_bar("guided steps") as bar:
        grid = [Settings(steps, guidance, *levels) for levels in GUIDED]
        return points + sweep(bench, run.sweep_seeds, grid, bar)


def _record(found: Findings) -> dict[str, Any]:
    """What was asked and heard: the yardstick for a served model, seed by seed."""
    return {
        "steps": found.settings.steps,
        "guidance": found.settings.guidance,
        "seconds": SECONDS,
        "first_seed": SEED,
        "training": found.training,
        "sweep": [asdict(point) for point in found.sweep],
        "kinds": {r.name: {"prompts": r.prompts, "heard": r.heard} for r in found.results},
    }


def _kept_sweep(run: EvaluationRun) -> list[SweepPoint]:
    """What the last sweep found."""
    kept = json.loads((run.pages / RECORD).read_text())["sweep"]
    return [SweepPoint(**{**each, "settings": Settings(**each["settings"])}) for each in kept]


def _training(run: EvaluationRun) -> dict[str, str]:
    """The last line of each loss log, in words; what was said before where there is no log."""
    work = run.work
    if not (work / CHECKPOINT).exists():
        known: dict[str, str] = json.loads((run.pages / RECORD).read_text())["training"]
        return known
    rows = {}
    for name in ("transformer", "vocoder"):
        last = json.loads((work / f"{name}_losses.jsonl").read_text().splitlines()[-1])
        losses = ", ".join(
            f"{k} {v}" for k, v in last.items() if k not in ("step", "active_s", "norm")
        )
        length = f"{last['step']} steps, {last['active_s'] / 60:.0f} minutes on one core"
        rows[name] = f"{length}, last losses: {losses}"
    notes = work / "training_notes.json"  # what no log says, such as a warm start: {title: text}
    if notes.exists():
        rows |= json.loads(notes.read_text())
    return rows


def _draw(found: Findings, bench: Bench, path: Path) -> None:
    """For every kind a held-out corpus clip beside a generated sound."""
    frames = round(SECONDS * 50)
    panels = []
    for result in found.results:
        panels.append(Panel(f"corpus: {result.name}", bench.corpus_mels(result.name)[0][:frames]))
        panels.append(Panel(f"made: {result.name}", bench.spectrograms(result.waves[:1])[0]))
    draw_page(panels, path, bench.instrument.recipe.latent)


def _draw_examples(found: Findings, bench: Bench, path: Path) -> None:
    """One sound of a few kinds, under the words it was asked for with."""
    made = {r.name: r for r in found.results}
    panels = [
        Panel(made[name].prompts[0], bench.spectrograms(made[name].waves[:1])[0])
        for name in EXAMPLES
    ]
    draw_page(panels, path, bench.instrument.recipe.latent, len(panels))
