"""What every action works with, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from pratique.service.actions.background import Background
from pratique.service.actions.hub import Hub
from pratique.service.actions.library import PolicyLibrary
from pratique.service.actions.tokens import Signer
from pratique.service.db import journal
from pratique.service.db.store import Store
from pratique.service.settings import Settings
from pratique.service.world import World

ADMIN, READER, AGENT = "admin", "reader", "agent"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a user, a service principal (`Application`), an agent of one cluster, or the system."""

    name: str
    type: str
    role: str
    cluster: str = ""
    token_hash: str = ""


SYSTEM = Actor("pratique", "System", ADMIN)


@dataclass(frozen=True, slots=True)
class Context:
    """The open parts of one running service."""

    settings: Settings
    store: Store
    hub: Hub
    world: World
    signer: Signer
    library: PolicyLibrary
    background: Background
    attempts: dict[str, list[float]] = field(default_factory=dict)

    def log(
        self,
        connection: Connection,
        actor: Actor,
        *,
        operation: str,
        target: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Append to the activity log, in the transaction of the change itself."""
        journal.log(
            connection,
            actor=actor.name,
            actor_type=actor.type,
            operation=operation,
            target=target,
            detail=detail,
        )
