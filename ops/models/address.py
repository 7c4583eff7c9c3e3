"""Which Triton a command is about: the running stack's, or the one that is named."""

from dataclasses import dataclass
from pathlib import Path

from ops.models.errors import ModelsError
from ops.models.repository import Repository, find_repository
from ops.settings import Settings
from ops.stack import running_stack
from ops.voices.added import voice_repositories
from tritone.placement import CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAddress:
    """A Triton and what belongs to it."""

    url: str  # gRPC, host:port
    repositories: tuple[Repository, ...]  # none: we do not see them
    frontend: str | None  # URL of the stack's own
    device: str  # where our own backends compute

    def repository_of(self, model: str) -> Repository | None:
        """Return the repository that holds a model, or None: we see none."""
        return find_repository(self.repositories, model)


def find_stack_address(
    settings: Settings, url: str | None, repository: Path | None
) -> StackAddress:
    """Return the Triton of the options, of the environment or of the running stack.

    Raises:
        ModelsError: there is none; says what to do.
    """
    stack = running_stack.find(settings.resolved_state_directory())
    chosen = url or settings.triton.url or (stack.triton if stack else None)
    if chosen is None:
        raise ModelsError(
            "no stack runs here: start one with `tritone up`, set TRITONE_STATE_DIRECTORY as it "
            "is set for the running one, or name a Triton with --url HOST:PORT"
        )
    is_stacks = stack is not None and stack.triton == chosen
    folders = [] if repository is None else [repository]
    if not folders and stack is not None and is_stacks and stack.model_repository is not None:
        folders = [Path(stack.model_repository), *voice_repositories(settings)]
    if absent := [folder for folder in folders if not folder.is_dir()]:
        raise ModelsError(f"there is no model repository at {absent[0]}")
    return StackAddress(
        url=chosen,
        repositories=tuple(Repository(folder.absolute()) for folder in folders),
        frontend=stack.frontend if stack is not None and is_stacks else None,
        device=stack.device if stack is not None and is_stacks else CPU,
    )
