"""The parts of the application that a route needs, found through its request."""

from starlette.requests import HTTPConnection

from frontend.errors import BackendUnavailable
from frontend.jobs.startup import JobSystem
from frontend.keys.gate import Gate
from frontend.observe.metrics import Metrics
from frontend.settings import Settings
from frontend.sounds.generator import Generator
from frontend.speech.dictionaries.store import DictionaryStore
from frontend.speech.model_files import ModelFiles
from frontend.speech.speaker import Speaker


def get_settings(request: HTTPConnection) -> Settings:
    """Return the settings that the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def get_metrics(request: HTTPConnection) -> Metrics:
    """Return the metrics that `/metrics` shows."""
    metrics: Metrics = request.app.state.metrics
    return metrics


def get_gate(request: HTTPConnection) -> Gate:
    """Return the gate that checks API keys."""
    gate: Gate = request.app.state.gate
    return gate


def get_generator(request: HTTPConnection) -> Generator:
    """Return the generator, which makes sounds and knows the served models."""
    generator: Generator = request.app.state.generator
    return generator


def get_speaker(request: HTTPConnection) -> Speaker:
    """Return the speaker, which speaks texts and knows the installed voices."""
    speaker: Speaker = request.app.state.speaker
    return speaker


def get_model_files(request: HTTPConnection) -> ModelFiles:
    """Return the model files of LocalAI's kind."""
    files: ModelFiles = request.app.state.model_files
    return files


def get_jobs(request: HTTPConnection) -> JobSystem:
    """Return the job system, and what else the database holds.

    Raises:
        BackendUnavailable: the server runs without a database.
    """
    jobs: JobSystem | None = getattr(request.app.state, "jobs", None)
    if jobs is None:
        raise BackendUnavailable("Jobs are not available, nor dictionaries: there is no database.")
    return jobs


def get_dictionaries(request: HTTPConnection) -> DictionaryStore:
    """Return where pronunciation dictionaries are kept.

    Raises:
        BackendUnavailable: the server runs without a database.
    """
    return get_jobs(request).dictionaries


def get_owner(request: HTTPConnection) -> str:
    """Return the id of the caller's API key, which owns what is made; empty where keys are off."""
    return str(request.state.owner)


def get_request_id(request: HTTPConnection) -> str:
    """Return the id under which the logs have this request."""
    return str(getattr(request.state, "request_id", ""))
