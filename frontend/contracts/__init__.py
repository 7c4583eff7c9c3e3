"""Every REST contract, where it is served, and who owns a path that several of them have."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from frontend.contracts.aimlapi import routes as aimlapi
from frontend.contracts.elevenlabs import account as elevenlabs_account
from frontend.contracts.elevenlabs import detailed as elevenlabs_detailed
from frontend.contracts.elevenlabs import history as elevenlabs_history
from frontend.contracts.elevenlabs import music as elevenlabs_music
from frontend.contracts.elevenlabs import plan as elevenlabs_plan
from frontend.contracts.elevenlabs import sound as elevenlabs
from frontend.contracts.kit import models
from frontend.contracts.kit.slashes import TrailingSlashes
from frontend.contracts.localai import sound as localai
from frontend.contracts.musicgpt import routes as musicgpt
from frontend.contracts.shared_paths import sound_generation
from frontend.contracts.tritone import files, jobs
from frontend.contracts.vllm_omni import routes as vllm_omni
from frontend.jobs.announcing import WebhookBody

Path = tuple[str, str]  # method, path


def joined(*routers: APIRouter) -> APIRouter:
    """Return one router of a contract whose pages are several files."""
    whole = APIRouter()
    for router in routers:
        whole.routes.extend(router.routes)
    return whole


CONTRACTS: dict[str, APIRouter] = {
    "elevenlabs": joined(
        elevenlabs.router,
        elevenlabs_music.router,
        elevenlabs_plan.router,
        elevenlabs_detailed.router,
        elevenlabs_account.router,
        elevenlabs_history.router,
    ),
    "localai": localai.router,
    "vllm-omni": vllm_omni.router,
    "aimlapi": aimlapi.router,
    "musicgpt": musicgpt.router,
}
"""Each is served under `/<name>` with its own words only, and at the root as `SHARED` says."""

OURS: tuple[APIRouter, ...] = (jobs.router, files.router)
"""Routes of nobody's contract; they are served at the root only."""

WEBHOOK_BODIES: dict[str, WebhookBody] = {"musicgpt": musicgpt.webhook_body}
"""What a contract promises its receivers; all others get the standard body."""

SHARED: dict[Path, APIRouter] = {
    ("POST", "/v1/sound-generation"): sound_generation.router,
    ("GET", "/v1/models"): models.router,
    ("GET", "/v1/models/{model_id:path}"): models.single,
}
"""Root paths of more than one contract, and who decides; all others have one owner."""


class UndeclaredClash(ValueError):
    """Two contracts have one path and nobody decides between them."""


def include_contracts(app: FastAPI) -> None:
    """Serve every contract under its own prefix and at the root, with or without a last slash.

    Raises:
        UndeclaredClash: FastAPI would let the first of two equal paths win, and say nothing.
    """
    check_clashes(CONTRACTS | {"ours": joined(*OURS)}, SHARED)
    for router in (*SHARED.values(), *OURS):
        app.include_router(router)
    for router in CONTRACTS.values():
        app.include_router(_without(router, SHARED))
    for name, router in CONTRACTS.items():
        app.include_router(router, prefix=f"/{name}")
    served = [path for router in (*CONTRACTS.values(), *OURS) for _, path in _paths(router)]
    app.add_middleware(TrailingSlashes, prefixes={*map(_first, served), *CONTRACTS})


def check_clashes(contracts: Mapping[str, APIRouter], shared: Container[Path]) -> None:
    """Return if every path has one owner at the root.

    Raises:
        UndeclaredClash: it names the paths.
    """
    owners = Counter(path for router in contracts.values() for path in _paths(router))
    clashes = [path for path, n_owners in owners.items() if n_owners > 1 and path not in shared]
    if clashes:
        names = ", ".join(f"{method} {path}" for method, path in clashes)
        raise UndeclaredClash(f"more than one contract has {names}: declare it in `SHARED`")


def _first(path: str) -> str:
    return path.split("/")[1]


def _routes(router: APIRouter) -> Iterator[tuple[Path, APIRoute]]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield (method, route.path), route


def _paths(router: APIRouter) -> Iterator[Path]:
    return (path for path, _ in _routes(router))


def _without(router: APIRouter, paths: Container[Path]) -> APIRouter:
    rest = APIRouter()
    rest.routes.extend(route for path, route in _routes(router) if path not in paths)
    return rest
