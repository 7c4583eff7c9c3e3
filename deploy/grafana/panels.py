"""What the dashboard shows: rows of panels, each with its PromQL."""

from dataclasses import dataclass
from typing import Literal

_R = "[$__rate_interval]"


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture; a `stat` shows the last number only."""

    title: str
    unit: str  # Grafana's name of it
    queries: tuple[Query, ...]
    kind: Literal["graph", "stat"] = "graph"
    about: str = ""


def _quantile(share: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{_R})))"


def _rate(metric: str, by: str = "", where: str = "") -> str:
    grouping = f"by ({by}) " if by else ""
    return f"sum {grouping}(rate({metric}{where}{_R}))"


_REQUESTS = "tritone_http_requests_total"
_DURATION = "tritone_generation_duration_seconds"
_STAGE = "tritone_generation_stage_duration_seconds"
_CONTRACTS = '{contract!="none"}'
_ALL = _rate(_REQUESTS, where=_CONTRACTS)

OVERVIEW = (
    Panel(title="Requests", unit="reqps", kind="stat", queries=(Query(_ALL),)),
    Panel(
        title="Errors",
        unit="percentunit",
        kind="stat",
        queries=(Query(f'{_rate(_REQUESTS, where="""{status=~"500|502|504"}""")} / {_ALL}'),),
    ),
    Panel(
        title="Refused",
        unit="percentunit",
        kind="stat",
        queries=(Query(f"{_rate('tritone_refused_total')} / {_ALL}"),),
    ),
    Panel(
        title="p95 of a sound", unit="s", kind="stat", queries=(Query(_quantile(0.95, _DURATION)),)
    ),
    Panel(
        title="Sound made per second",
        unit="s",
        kind="stat",
        queries=(Query(_rate("tritone_sound_seconds_total")),),
    ),
    Panel(
        title="Tritons reached",
        unit="short",
        kind="stat",
        queries=(Query("min(tritone_triton_up)"),),
        about="1: every frontend reaches one that serves a model.",
    ),
)
REQUESTS = (
    Panel(
        title="Requests by contract and status",
        unit="reqps",
        queries=(
            Query(_rate(_REQUESTS, "contract, status", _CONTRACTS), "{{contract}} {{status}}"),
        ),
    ),
    Panel(
        title="Requests by model and version",
        unit="reqps",
        queries=(
            Query(_rate(_REQUESTS, "model, version", '{model!=""}'), "{{model}} {{version}}"),
        ),
    ),
    Panel(
        title="Time of a sound",
        unit="s",
        queries=tuple(
            Query(_quantile(share / 100, _DURATION), f"p{share}") for share in (50, 95, 99)
        ),
    ),
    Panel(
        title="Refusals by what was full",
        unit="reqps",
        queries=(Query(_rate("tritone_refused_total", "reason"), "{{reason}}"),),
    ),
    Panel(
        title="Failures by class",
        unit="reqps",
        queries=(
            Query(
                _rate("tritone_generation_failures_total", "model, error"), "{{model}} {{error}}"
            ),
            Query(_rate("tritone_generation_cancelled_total", "model"), "{{model}} cancelled"),
        ),
    ),
    Panel(
        title="Mean time by stage",
        unit="s",
        queries=(
            Query(
                f"{_rate(_STAGE + '_sum', 'stage')} / {_rate(_STAGE + '_count', 'stage')}",
                "{{stage}}",
            ),
        ),
    ),
)
QUEUES = (
    Panel(
        title="Passes",
        unit="short",
        queries=(
            Query("sum(tritone_passes_in_flight)", "in Triton"),
            Query("sum(tritone_passes_waiting)", "waiting"),
        ),
    ),
    Panel(
        title="Age of the oldest in a queue",
        unit="s",
        queries=(
            Query("max(tritone_passes_queue_age_seconds)", "passes"),
            Query("max(tritone_jobs_queue_age_seconds)", "jobs"),
            Query("max(tritone_webhooks_delay_seconds)", "webhooks"),
        ),
    ),
)
DENOISER = (
    Panel(
        title="Requests in the denoiser",
        unit="short",
        queries=(
            Query(
                "sum by (model, version) (tritone_denoiser_active)", "{{model}} {{version}} active"
            ),
            Query(
                "sum by (model, version) (tritone_denoiser_pending)",
                "{{model}} {{version}} pending",
            ),
        ),
    ),
    Panel(
        title="Step batch",
        unit="short",
        about="Rows that share one call of the transformer, on average.",
        queries=(
            Query(
                f"{_rate('tritone_denoiser_step_rows_total', 'model')}"
                f" / {_rate('tritone_denoiser_steps_total', 'model')}",
                "{{model}}",
            ),
        ),
    ),
    Panel(
        title="Steps per second",
        unit="ops",
        queries=(Query(_rate("tritone_denoiser_steps_total", "model"), "{{model}}"),),
    ),
    Panel(
        title="Time of a step",
        unit="s",
        queries=(
            Query(
                f"{_rate('tritone_denoiser_step_seconds_total', 'model')}"
                f" / {_rate('tritone_denoiser_steps_total', 'model')}",
                "{{model}}",
            ),
        ),
    ),
    Panel(
        title="Ends without a sound",
        unit="reqps",
        queries=(
            Query(_rate("tritone_denoiser_cancelled_total", "model"), "{{model}} cancelled"),
            Query(_rate("tritone_denoiser_failed_total", "model"), "{{model}} failed"),
        ),
    ),
)
VERSIONS = (
    Panel(
        title="p95 of a pass by version",
        unit="s",
        queries=(
            Query(
                _quantile(0.95, "tritone_pass_duration_seconds", "model, version"),
                "{{model}} {{version}}",
            ),
        ),
    ),
    Panel(
        title="Failures of candidates",
        unit="reqps",
        queries=(
            Query(
                _rate("tritone_candidate_failures_total", "model, version, error"),
                "{{model}} {{version}} {{error}}",
            ),
        ),
    ),
    Panel(
        title="Silent passes",
        unit="reqps",
        queries=(
            Query(_rate("tritone_pass_silent_total", "model, version"), "{{model}} {{version}}"),
        ),
    ),
)
TRITON = (
    Panel(
        title="Requests by Triton model",
        unit="reqps",
        queries=(Query(_rate("nv_inference_request_success", "model"), "{{model}}"),),
    ),
    Panel(
        title="Failures by Triton model",
        unit="reqps",
        queries=(
            Query(_rate("nv_inference_request_failure", "model, reason"), "{{model}} {{reason}}"),
        ),
    ),
    Panel(
        title="Waiting over computing",
        unit="short",
        about="Above 1, requests wait longer than they are worked on: scale out.",
        queries=(
            Query(
                f"{_rate('nv_inference_queue_duration_us', 'model')}"
                f" / {_rate('nv_inference_compute_infer_duration_us', 'model')}",
                "{{model}}",
            ),
        ),
    ),
    Panel(
        title="Batch of Triton's own batcher",
        unit="short",
        queries=(
            Query(
                f"{_rate('nv_inference_count', 'model')}"
                f" / {_rate('nv_inference_exec_count', 'model')}",
                "{{model}}",
            ),
        ),
    ),
    Panel(
        title="Tritons of the pool",
        unit="short",
        about="As the frontend sees it that sees most. Ejected: passes failed on it in a row.",
        queries=(Query("max by (state) (tritone_tritons)", "{{state}}"),),
    ),
    Panel(
        title="Passes tried again on another Triton",
        unit="reqps",
        queries=(
            Query(_rate("tritone_passes_retried_total", "model, error"), "{{model}} {{error}}"),
            Query(_rate("tritone_triton_ejections_total", "model"), "{{model}} ejections"),
        ),
    ),
)
JOBS = (
    Panel(
        title="Jobs", unit="short", queries=(Query("max by (status) (tritone_jobs)", "{{status}}"),)
    ),
    Panel(
        title="Jobs that ended",
        unit="ops",
        queries=(Query(_rate("tritone_jobs_ended_total", "status"), "{{status}}"),),
    ),
    Panel(
        title="Attempts in vain",
        unit="ops",
        queries=(Query(_rate("tritone_jobs_requeued_total", "reason"), "{{reason}}"),),
    ),
    Panel(
        title="p95 from acceptance to end",
        unit="s",
        queries=(
            Query(_quantile(0.95, "tritone_job_duration_seconds", "contract"), "{{contract}}"),
        ),
    ),
    Panel(
        title="Webhook attempts",
        unit="ops",
        queries=(
            Query(_rate("tritone_webhook_attempts_total", "outcome"), "{{outcome}}"),
            Query("max(tritone_webhooks_pending)", "pending"),
        ),
    ),
    Panel(
        title="Queue consumers",
        unit="short",
        about="A worker process has two.",
        queries=(Query("max(tritone_job_consumers)", "consumers"),),
    ),
)
MACHINES = (
    Panel(
        title="Memory of frontends and workers",
        unit="bytes",
        queries=(
            Query('process_resident_memory_bytes{job=~"tritone-.*"}', "{{job}} {{instance}}"),
        ),
    ),
    Panel(
        title="CPU of frontends and workers",
        unit="short",
        queries=(
            Query(
                f'rate(process_cpu_seconds_total{{job=~"tritone-.*"}}{_R})', "{{job}} {{instance}}"
            ),
        ),
    ),
    Panel(
        title="Room for files",
        unit="percentunit",
        queries=(Query("tritone_storage_free_bytes / tritone_storage_size_bytes", "{{instance}}"),),
    ),
    Panel(
        title="What runs",
        unit="short",
        queries=(Query("count by (version) (tritone_build_info)", "{{version}}"),),
    ),
)
ROWS: dict[str, tuple[Panel, ...]] = {
    "Overview": OVERVIEW,
    "Requests": REQUESTS,
    "Queues": QUEUES,
    "Denoiser": DENOISER,
    "Versions": VERSIONS,
    "Triton": TRITON,
    "Jobs and webhooks": JOBS,
    "Processes": MACHINES,
}
