"""Serve each contract under its own prefix, and at the root where no other contract answers."""

from collections import Counter
from collections.abc import Container, Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute

from frontend.contracts.kit.contract import Contract
from frontend.contracts.kit.slashes import TrailingSlashes
from frontend.contracts.shared_paths import SHARED_PATHS, Path
from frontend.contracts.table import CONTRACTS
from frontend.errors import CannotStart


class UndeclaredClash(CannotStart):
    """Two contracts have the same root path, and `shared_paths` does not say who answers."""


def include_contracts(app: FastAPI) -> None:
    """Serve every contract, with or without a slash at the end of its paths.

    Raises:
        UndeclaredClash: FastAPI would let the first of two equal paths win, and say nothing.
    """
    check_clashes(CONTRACTS, SHARED_PATHS)
    for router in SHARED_PATHS.values():
        app.include_router(router)
    for contract in CONTRACTS:
        app.include_router(_without(contract.router, SHARED_PATHS))
    prefixed = [contract for contract in CONTRACTS if contract.has_prefix]
    for contract in prefixed:
        app.include_router(contract.router, prefix=f"/{contract.name}")
    served = [path for contract in CONTRACTS for _, path in _list_paths(contract.router)]
    first_parts = {path.split("/")[1] for path in served}
    app.add_middleware(TrailingSlashes, prefixes=first_parts | {each.name for each in prefixed})


def check_clashes(contracts: tuple[Contract, ...], shared: Container[Path]) -> None:
    """Return if every path has one owner at the root.

    Raises:
        UndeclaredClash: it names the paths.
    """
    owners = Counter(path for contract in contracts for path in _list_paths(contract.router))
    clashes = [path for path, n_owners in owners.items() if n_owners > 1 and path not in shared]
    if clashes:
        names = ", ".join(f"{method} {path}" for method, path in clashes)
        raise UndeclaredClash(f"more than one contract has {names}: declare it in `shared_paths`")


def _list_routes(router: APIRouter) -> Iterator[tuple[Path, APIRoute | APIWebSocketRoute]]:
    for route in router.routes:
        if isinstance(route, APIWebSocketRoute):
            yield ("WEBSOCKET", route.path), route
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield (method, route.path), route


def _list_paths(router: APIRouter) -> Iterator[Path]:
    return (path for path, _ in _list_routes(router))


def _without(router: APIRouter, paths: Container[Path]) -> APIRouter:
    rest = APIRouter()
    rest.routes.extend(route for path, route in _list_routes(router) if path not in paths)
    return rest
