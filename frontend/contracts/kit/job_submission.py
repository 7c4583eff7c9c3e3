"""Jobs of any contract: check a request, accept it durably, find the job again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request
from pydantic import BaseModel

from frontend.audio.formats import AudioFormat
from frontend.contracts.kit.app_parts import get_generator, get_jobs, get_owner, get_speaker
from frontend.contracts.kit.idempotency import digest_body, get_idempotency_key
from frontend.contracts.kit.words import Words, in_words
from frontend.errors import JobNotFound
from frontend.http.proxies import get_base_url
from frontend.jobs.model import Job, JobRequest, OutputFormat, Wanted
from frontend.jobs.views import FileUrls
from frontend.jobs.webhook_bodies import link_job_files
from frontend.speech.request import SpeechRequest
from tritone.card import ModelCard

CANCELLED_MESSAGE = "The generation was cancelled."


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """A request in our words: what to make later, and the files to make of it."""

    contract: str
    wanted: Wanted
    formats: tuple[AudioFormat, ...]  # one file each
    words: Words
    webhook_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # the contract's own words
    notes: tuple[str, ...] = ()  # what the contract does otherwise than asked


def resolve_model(request: Request, name: str | None) -> ModelCard:
    """Return the model of a job: Triton may be away now, and back when the job's turn comes.

    Raises:
        UnknownModel: neither served nor an alias.
        BackendUnavailable: it has never been seen.
    """
    return get_generator(request).resolve(name, is_for_later=True)


async def submit_job(request: Request, body: BaseModel, make_order: Callable[[], JobOrder]) -> Job:
    """Accept a job durably; a repeated `Idempotency-Key` gives the job of the first time.

    The key is looked up before the order is made: whoever repeats a request gets the first answer
    also while the model is away, or the queue full.

    Raises:
        TritoneError: what cannot be made, or not be accepted now, in the contract's words.
    """
    service, owner = get_jobs(request).service, get_owner(request)
    key = get_idempotency_key(request)
    digest = digest_body(request.state.contract, body)
    if key is not None:
        accepted = await service.find_repeated(owner, key, digest)
        if accepted is not None:
            return accepted
    order = make_order()
    with in_words(order.words):
        cost = _check_cost(request, order.wanted)
        return await service.submit(
            JobRequest(
                wanted=order.wanted,
                contract=order.contract,
                formats=tuple(OutputFormat.of(each) for each in order.formats),
                owner=owner,
                webhook_url=order.webhook_url,
                base_url=get_base_url(request),
                idempotency_key=key,
                labels=order.labels,
                notes=order.notes,
            ),
            digest=digest,
            cost=cost,
        )


def _check_cost(request: Request, wanted: Wanted) -> float:
    """Return what making it costs, in steps of a latent frame; refuse what cannot be made."""
    if isinstance(wanted, SpeechRequest):
        return get_speaker(request).plan(wanted, is_for_later=True).cost
    plan = get_generator(request).plan(wanted, is_for_later=True)
    return float(sum(each.steps * each.span.latent_frames for each in plan.passes))


async def find_job(request: Request, job_id: str, contract: str) -> Job:
    """Return a job of the caller's that was submitted through a contract.

    Raises:
        JobNotFound: there is none.
    """
    job = await get_jobs(request).service.get(job_id, get_owner(request))
    if job.request.contract != contract:
        raise JobNotFound("There is no such job.")
    return job


async def link_files(request: Request, job: Job) -> FileUrls:
    """Return fresh links to the files of a job, by their keys."""
    return await link_job_files(job, get_jobs(request).files, get_base_url(request))
