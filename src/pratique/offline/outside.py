"""External data offline: the Providers among the files, and whether they may be asked.

In: Providers; what policies and mutators ask; who asks over the network, if that was wanted. Out: answers, or an
error that says how to want it: files that somebody sends in must not make a build server call where they want.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pratique.constraint.external import Answer, nobody
from pratique.errors import UnavailableError
from pratique.kube import providers as wire

FLAG = "--external-data"


class Asker(Protocol):
    """Who asks Providers, and waits for what they say: everything here is judged without a loop of events."""

    def put(self, document: Mapping[str, Any]) -> Any:
        """Add a Provider."""

    def ask(self, provider: str, keys: Sequence[str]) -> Answer:
        """Answer `external_data`."""

    def lookup(self, keys: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
        """Answer a mutation's placeholders."""


Connect = Callable[[], Asker]


class Outside:
    """What is outside of the files; asked one question at a time, while everything waits."""

    def __init__(self, connect: Connect | None = None) -> None:
        """Ask through what `connect` returns, which is called when there is something to ask."""
        self._connect = connect
        self._known: dict[str, Mapping[str, Any]] = {}
        self._asker: Asker | None = None

    def put(self, document: Mapping[str, Any]) -> None:
        """Add a Provider; raises `ProviderError`."""
        self._known[wire.read(document).name] = document

    def ask(self, provider: str, keys: Sequence[str]) -> Answer:
        """Answer `external_data`."""
        if provider not in self._known:
            return nobody(provider, keys)
        asker = self._connected()
        if asker is None:
            return Answer(status_code=500, system_error=_unasked(provider))
        return asker.ask(provider, keys)

    def lookup(self, keys: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
        """Answer a mutation's placeholders."""
        known = [name for name in keys if name in self._known]
        asker = self._connected() if known else None
        if asker is None:
            return {name: UnavailableError(_unasked(name)) for name in known}
        return asker.lookup(keys)

    def _connected(self) -> Asker | None:
        if self._asker is None and self._connect is not None:
            self._asker = self._connect()
            for document in self._known.values():
                self._asker.put(document)
        return self._asker


def _unasked(provider: str) -> str:
    return f"the provider `{provider}` is not asked without {FLAG}"
