"""What both trainings share.

A time budget, the learning rate, averaged weights, and checkpoints that survive anything.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)
LONGEST_STEP_S = 15.0  # a longer step means the process was paused; the pause is not charged


@dataclass(frozen=True)
class Plan:
    """How long to train, how fast to learn, and how often to save."""

    minutes: float
    steps: int | None = None  # stop (and anneal) by steps instead of time: repeatable to the bit
    peak_rate: float = 1e-3
    warm_up_steps: int = 150
    averaging: float = 0.998
    save_every_s: float = 120.0
    seed: int = 7


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0
    active_s: float = 0.0

    def share(self, plan: Plan) -> float:
        """0 at the start, 1 at the end."""
        return self.step / plan.steps if plan.steps else self.active_s / (60 * plan.minutes)


def learning_rate(plan: Plan, progress: Progress) -> float:
    """Linear warm-up, then a cosine to nearly zero at the end of the budget."""
    warm = min(1.0, (progress.step + 1) / plan.warm_up_steps)
    fall = 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * min(1.0, progress.share(plan)))))
    return plan.peak_rate * warm * max(fall, 0.005)


def pace(plan: Plan, progress: Progress) -> Iterator[int]:
    """Yield step numbers until the budget is spent, charging each step's time without pauses."""
    while progress.share(plan) < 1:
        started = time.monotonic()
        yield progress.step
        progress.step += 1
        progress.active_s += min(LONGEST_STEP_S, time.monotonic() - started)


class Averaged:
    """An exponential moving average of a module's weights; shorter in the beginning."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}
        self._decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards the module's current weights."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            self.weights[name].lerp_(value, 1 - decay)


@dataclass
class Trainee(Generic[Network]):
    """A module in training with all that has to be saved for an exact continuation."""

    module: Network
    optimiser: torch.optim.Optimizer
    averaged: Averaged
    progress: Progress

    @classmethod
    def new(cls, module: Network, plan: Plan) -> "Trainee[Network]":
        """A fresh start."""
        optimiser = torch.optim.AdamW(
            module.parameters(), lr=plan.peak_rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        return cls(module, optimiser, Averaged(module, plan.averaging), Progress())

    def descend(self, loss: Tensor, plan: Plan) -> float:
        """One optimiser step; returns the gradient norm.

        A loss that is not finite changes nothing.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(plan, self.progress)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.module.parameters(), 1.0).detach())
        if torch.isfinite(torch.tensor(norm)):
            self.optimiser.step()
            self.averaged.update(self.module, self.progress.step)
        return norm

    def save(self, path: Path) -> None:
        """Write everything beside the target, then rename.

        A crash leaves the previous checkpoint whole.
        """
        state = {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "averaged": self.averaged.weights,
            "progress": vars(self.progress),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def restore(self, path: Path) -> bool:
        """Continue from a checkpoint if there is one."""
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.averaged.weights = state["averaged"]
        self.progress = Progress(**state["progress"])
        return True


class LossLog:
    """One JSON line every few steps: step, active seconds, mean losses since the last line."""

    def __init__(self, path: Path, every: int = 20) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._every = path, every
        self._sums: dict[str, float] = {}
        self._count = 0
        self.last = ""

    def add(self, progress: Progress, values: dict[str, float]) -> None:
        """Note one step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if self._count >= self._every:
            means = {name: round(total / self._count, 4) for name, total in self._sums.items()}
            line = {"step": progress.step, "active_s": round(progress.active_s, 1)} | means
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            self.last = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            self._sums, self._count = {}, 0


def averaged_weights(path: Path) -> dict[str, Tensor]:
    """The averaged weights in a checkpoint, whichever training wrote it."""
    weights: dict[str, Tensor] = torch.load(path, weights_only=True)["averaged"]
    return weights


OnStep: TypeAlias = Callable[[Trainee[Any], str], None]  # called after each step with a note


@dataclass(frozen=True)
class Record:
    """Where a training is written down."""

    checkpoint: Path
    log: LossLog
    on_step: OnStep


def train_by(
    loss_of: Callable[[int], tuple[Tensor, dict[str, float]]],
    trainee: Trainee[Any],
    plan: Plan,
    record: Record,
) -> None:
    """Descend until the budget is spent, saving every few minutes and at the end."""
    saved_s = trainee.progress.active_s
    for step in pace(plan, trainee.progress):
        loss, parts = loss_of(step)
        norm = trainee.descend(loss, plan)
        record.log.add(trainee.progress, parts | {"norm": norm})
        record.on_step(trainee, record.log.last)
        if trainee.progress.active_s - saved_s > plan.save_every_s:
            trainee.save(record.checkpoint)
            saved_s = trainee.progress.active_s
    trainee.save(record.checkpoint)
