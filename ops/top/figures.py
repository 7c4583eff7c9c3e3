"""From two readings to the figures of one frame. Rates are per second between the two."""

from dataclasses import dataclass

from ops.top.reading import Reading

_DENOISER = "_denoiser"
_DURATION = "tritone_generation_duration_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One loaded version of a model, as its denoiser tells it."""

    model: str
    version: str
    active: float
    pending: float
    step_batch: float | None  # rows of a transformer call; None: there was none
    steps_per_s: float
    cancelled_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What the database says."""

    queued: float
    running: float
    queue_age_s: float
    consumers: float
    webhooks: float  # not delivered yet
    ended_per_s: float  # by the workers that were asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One frame. None: nobody told."""

    problems: dict[str, str | None]  # `name url` to what is wrong; None: it answers
    triton_up: bool | None
    models: dict[str, bool]  # to whether it is served
    versions: tuple[Component, ...]
    requests_per_s: float | None
    errors_per_s: float | None
    refused_per_s: float | None
    in_flight: float | None
    waiting: float | None
    queue_age_s: float | None
    clips_per_s: float | None
    sound_s_per_s: float | None
    p50_s: float | None
    p95_s: float | None
    latency_since_start: bool  # nothing was finished between the readings: of all that ever was
    jobs: Jobs | None
    memory_bytes: float | None = None


def figures(before: Reading, now: Reading) -> Figures:
    """Return what happened between two readings, and how things stand."""
    asked = now.sum("tritone_http_requests_total") is not None
    # Probes and we ourselves are no load.
    before, now = (each.without("contract", "none") for each in (before, now))
    p50_s, since_start = _quantile(before, now, 0.50)
    p95_s, _ = _quantile(before, now, 0.95)
    errors = [_rate(before, now, "tritone_http_requests_total", status=s) for s in _OUR_ERRORS]
    return Figures(
        problems={f"{target.name} {target.url}": said for target, said in now.problems.items()},
        triton_up=_is(now.sum("tritone_triton_up")),
        models={
            labels["model"]: bool(value) for labels, value in now.values("tritone_model_ready")
        },
        versions=_versions(before, now),
        requests_per_s=(
            (_rate(before, now, "tritone_http_requests_total") or 0.0) if asked else None
        ),
        errors_per_s=sum(each or 0.0 for each in errors) if asked else None,
        refused_per_s=(_rate(before, now, "tritone_refused_total") or 0.0) if asked else None,
        in_flight=now.sum("tritone_passes_in_flight"),
        waiting=now.sum("tritone_passes_waiting"),
        queue_age_s=now.max("tritone_passes_queue_age_seconds"),
        clips_per_s=(_rate(before, now, f"{_DURATION}_count") or 0.0) if asked else None,
        sound_s_per_s=(_rate(before, now, "tritone_sound_seconds_total") or 0.0) if asked else None,
        p50_s=p50_s,
        p95_s=p95_s,
        latency_since_start=since_start,
        jobs=_jobs(before, now),
    )


_OUR_ERRORS = ("500", "502", "504")


def _is(value: float | None) -> bool | None:
    return None if value is None else bool(value)


def _versions(before: Reading, now: Reading) -> tuple[Component, ...]:
    by = ("model", "version")
    pending = now.sums_by("tritone_denoiser_pending", *by)
    active = now.sums_by("tritone_denoiser_active", *by)
    found = []
    for (model, version), n_active in sorted(active.items()):
        which = {"model": model, "version": version}
        steps = _rate(before, now, "tritone_denoiser_steps_total", **which) or 0.0
        rows = _rate(before, now, "tritone_denoiser_step_rows_total", **which) or 0.0
        component = Component(
            model=model.removesuffix(_DENOISER),
            version=version,
            active=n_active,
            pending=pending.get((model, version), 0.0),
            step_batch=rows / steps if steps else None,
            steps_per_s=steps,
            cancelled_per_s=_rate(before, now, "tritone_denoiser_cancelled_total", **which) or 0.0,
        )
        found.append(component)
    return tuple(found)


def _jobs(before: Reading, now: Reading) -> Jobs | None:
    # The same from every frontend: the largest is the newest.
    queued = now.max("tritone_jobs", status="queued")
    if queued is None:
        return None
    return Jobs(
        queued=queued,
        running=now.max("tritone_jobs", status="running") or 0.0,
        queue_age_s=now.max("tritone_jobs_queue_age_seconds") or 0.0,
        consumers=now.max("tritone_job_consumers") or 0.0,
        webhooks=now.max("tritone_webhooks_pending") or 0.0,
        ended_per_s=_rate(before, now, "tritone_jobs_ended_total") or 0.0,
    )


def _rate(before: Reading, now: Reading, name: str, **labels: str) -> float | None:
    grown = _growth(before, now, name, **labels)
    seconds = now.at - before.at
    return sum(grown.values()) / seconds if grown and seconds > 0 else None


def _growth(
    before: Reading, now: Reading, name: str, **labels: str
) -> dict[tuple[tuple[str, str], ...], float]:
    old = {_key(found): value for found, value in before.values(name, **labels)}
    grown = {}
    for found, value in now.values(name, **labels):
        earlier = old.get(_key(found), 0.0)
        # Smaller than before: the process began anew, and counts from 0.
        grown[_key(found)] = value - earlier if value >= earlier else value
    return grown


def _key(labels: object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(dict(labels).items()))  # type: ignore[call-overload]


def _quantile(before: Reading, now: Reading, share: float) -> tuple[float | None, bool]:
    """Return a quantile, and whether it is of all that ever was."""
    for earlier, since_start in ((before, False), (Reading(0.0, {}), True)):
        buckets: dict[float, float] = {}
        for key, value in _growth(earlier, now, f"{_DURATION}_bucket").items():
            bound = float(dict(key)["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
        found = _interpolated(sorted(buckets.items()), share)
        if found is not None:
            return found, since_start
    return None, False


def _interpolated(buckets: list[tuple[float, float]], share: float) -> float | None:
    """Return a quantile of cumulative buckets, as PromQL's `histogram_quantile` does."""
    if not buckets or not buckets[-1][1]:
        return None
    rank = share * buckets[-1][1]
    lower = below = 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower
