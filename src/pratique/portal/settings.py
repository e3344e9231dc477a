"""What the composition root tells the portal; nothing here is read from the environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How this portal presents itself and guards its cookie.

    `secure_cookie` is set when the portal is reached by https only; `heartbeat` is the interval in seconds
    at which an idle live stream says that it is still there.
    """

    secure_cookie: bool = False
    heartbeat: float = 10.0
    version: str = ""
