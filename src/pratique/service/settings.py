"""What the service is told when it starts, and what its first start tells back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How one service runs; built once by the command line.

    `origin` is the address that clients are told to come back to; empty takes the one they came by.
    `mirror` answers PublicURL templates that the catalogue does not have. `agent_url` and `agent_ca` are
    what an agent in a cluster is given to reach this service (`agent_ca` holds PEM text).
    """

    state_dir: Path
    origin: str = ""
    mirror: Path | None = None
    location: str = "local"
    agent_url: str = "http://127.0.0.1:7080"
    agent_ca: str = ""
    heartbeat: float = 10.0

    @property
    def database(self) -> Path:
        """Return the path of the SQLite file."""
        return self.state_dir / "pratique.db"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a first start made, in clear text, for the only time that it can be shown."""

    username: str
    password: str
    client_id: str
    client_secret: str
    tenant: str
