"""The seam to the service: the one client that pages use, and how the portal is given it.

The portal has no other way to anything: what a page can do, a script can do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pratique.client.service import Page, ServiceClient

Api = ServiceClient
Json = dict[str, Any]

ClientFactory = Callable[[str | None], ServiceClient]
"""Makes the client of one person from the bearer token in the session, or an anonymous one to sign in."""

__all__ = ["Api", "ClientFactory", "Json", "Page"]
