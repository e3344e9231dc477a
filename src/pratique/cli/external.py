"""`--external-data`: whether the Providers among files are asked, for the commands that read policies from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pratique.client.providers import Providers
    from pratique.constraint.external import Answer

Result = TypeVar("Result")

option = click.option(
    "--external-data/--no-external-data",
    default=False,
    help="Ask the Providers among the files when policies or mutators do.",
)


class Waiting:
    """Asks Providers, one question at a time, and waits for the answers."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def put(self, document: Mapping[str, Any]) -> None:
        """Add a Provider; raises `ProviderError`."""
        self._providers.put(document)

    def ask(self, provider: str, keys: Sequence[str]) -> Answer:
        """Answer `external_data`."""
        return self._wait(lambda: self._providers.ask(provider, keys))

    def lookup(self, keys: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
        """Answer a mutation's placeholders."""
        return self._wait(lambda: self._providers.lookup(keys))

    def _wait(self, act: Callable[[], Result]) -> Result:
        import asyncio

        async def complete() -> Result:
            try:
                return await self._providers.complete(act)
            finally:
                # Its connections belong to this loop, which ends here; its answers stay.
                await self._providers.close()

        return asyncio.run(complete())


def connect() -> Waiting:
    """Return who asks Providers; most runs ask nobody, and do not wait for what asking needs."""
    from pratique.client.providers import Providers

    return Waiting(Providers())
