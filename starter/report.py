"""The evaluation page: figures as measured, in Markdown."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from starter.evaluation import Behaviour, KindResult, SweepPoint, overall
from starter.sampler import Settings


@dataclass(frozen=True)
class Findings:
    """All that an evaluation found."""

    settings: Settings
    results: list[KindResult]
    behaviour: Behaviour
    judge_accuracy: float
    vocoded_accuracy: float
    training: dict[str, str]
    seconds_per_sound: float
    sweep: list[SweepPoint] = field(default_factory=list)


def render(found: Findings) -> str:
    """The whole page."""
    parts = [
        _summary(found),
        _kinds(found.results),
        _behaviour(found.behaviour),
        _sweep(found.sweep) if found.sweep else "",
        _training(found.training),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(found: Findings) -> str:
    seeds = len(found.results[0].waves)
    weakest = min(found.results, key=lambda r: r.accuracy)
    return "\n".join(
        [
            "# Evaluation of the starter",
            "",
            "Written by `python -m starter evaluate`; figures as measured. A classifier fitted",
            "on corpus clips listens to what the model made of captions held out of its training.",
            "",
            "| figure | value |",
            "|---|---|",
            f"| generated sounds recognised ({len(found.results)} kinds, {seeds} each) "
            f"| **{overall(found.results):.1%}** |",
            f"| weakest kind | {weakest.name}, {weakest.accuracy:.0%} |",
            f"| classifier on held-out corpus clips | {found.judge_accuracy:.1%} |",
            f"| classifier on held-out clips through the vocoder | {found.vocoded_accuracy:.1%} |",
            f"| steps, guidance, at noise levels | {found.settings.steps}, "
            f"{found.settings.guidance}, {_levels(found.settings)} |",
            f"| time per 4 s sound here (torch, batches of {seeds}) "
            f"| {found.seconds_per_sound:.2f} s |",
        ]
    )


def _kinds(results: list[KindResult]) -> str:
    lines = [
        "## Kind by kind",
        "",
        "Distance: Fréchet distance between log-mel frames of generated and held-out corpus clips",
        "(square nats); beside it the same distance between two halves of the corpus clips.",
        "",
        "| kind | recognised | else heard as | distance | corpus halves |",
        "|---|---|---|---|---|",
    ]
    for r in results:
        others = Counter(h for h in r.heard if h != r.name).most_common(3)
        heard = ", ".join(f"{name} ({count})" for name, count in others) or "–"
        lines.append(
            f"| {r.name} | {r.accuracy:.0%} | {heard} | {r.distance:.1f} "
            f"| {r.corpus_distance:.1f} |"
        )
    return "\n".join(lines)


def _behaviour(seen: Behaviour) -> str:
    levels = np.percentile(seen.levels_dbfs, (5, 50, 95))
    tails = np.percentile(seen.tails_db, (50, 90))
    return "\n".join(
        [
            "## Prompt, seed, seconds, level",
            "",
            "| figure | value |",
            "|---|---|",
            "| same seed, another kind: mean difference of spectrograms "
            f"| {seen.between_prompts:.2f} nats |",
            f"| same prompt, another seed | {seen.between_seeds:.2f} nats |",
            "| level after the asked 3 s in a 4-6 s window, relative (median, 90 %) "
            f"| {tails[0]:.0f}, {tails[1]:.0f} dB |",
            "| level (5 %, median, 95 %) "
            f"| {levels[0]:.0f}, {levels[1]:.0f}, {levels[2]:.0f} dBFS |",
            f"| silent sounds | {seen.silent} |",
            f"| largest share of clipped samples in a sound | {seen.clipped:.2%} |",
        ]
    )


def _sweep(points: list[SweepPoint]) -> str:
    lines = [
        "## Steps and guidance",
        "",
        "Good: recognised, and neither silent nor distorted.",
        "",
        "| steps | guidance | at noise levels | recognised | good | median distance |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {p.settings.steps} | {p.settings.guidance} | {_levels(p.settings)} "
        f"| {p.accuracy:.1%} | {p.good:.1%} | {p.distance:.1f} |"
        for p in points
    ]
    return "\n".join(lines)


def _levels(settings: Settings) -> str:
    lowest, highest = settings.guidance_min_sigma, settings.guidance_max_sigma
    if highest is None:
        return f"from {lowest:g}" if lowest else "all"
    return f"{lowest:g} to {highest:g}"


def _training(rows: dict[str, str]) -> str:
    lines = ["## Training", "", "| what | value |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())])
