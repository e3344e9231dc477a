"""Asking providers of external data: the HTTPS that pure code may not do, and the answers kept for a while.

In: Provider objects; an act of pure code (a review, a mutation) that asks through `ask` or `lookup`. Out: what
the act returns. What an act asks and nobody has answered yet is fetched, all of it at once, and the act is
done again with the answers at hand: policies and mutators always answer the same, so that is safe.

    providers.put(document)                               # raises ProviderError
    library = Library(programs=Programs(ask=providers.ask))
    violations = await providers.complete(lambda: library.review(review))
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
import orjson

from pratique.client.credentials import load_pair
from pratique.constraint.external import Answer, answer
from pratique.errors import PratiqueError, UnavailableError
from pratique.kube import providers as wire
from pratique.kube.providers import Provider, ProviderError, Reply, UnansweredError

KEEP_SECONDS: Final = 180.0
# A Provider without a timeout: Gatekeeper's mutation waits as long, its validation not at all.
DEFAULT_SECONDS: Final = 5.0
LARGEST: Final = 2**24
ROUNDS: Final = 100
IDLE_SECONDS: Final = 90.0
CONNECTIONS: Final = 10

Result = TypeVar("Result")
Told = dict[Hashable, Any]
Pair = tuple[str, str]
"""A client certificate and its key, as PEM."""

# What the act that is being done may know; unset, nothing can be fetched.
_told: ContextVar[Told | None] = ContextVar("told", default=None)


@dataclass(frozen=True, slots=True)
class _Validation:
    """`external_data`, asked once."""

    provider: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Mutation:
    """All placeholders of an object."""

    keys: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    item: Mapping[str, Any]
    idempotent: bool
    until: float


class Providers:
    """The Providers of one cluster (or of one folder of files), and what they said lately."""

    def __init__(
        self,
        *,
        keep_seconds: float = KEEP_SECONDS,
        certificate: Callable[[], Pair | None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep answers for `keep_seconds` (0: not at all); show `certificate` to who asks for one."""
        self._keep_seconds = keep_seconds
        self._certificate = certificate
        self._now = now
        self._known: dict[str, Provider] = {}
        self._kept: dict[tuple[Provider, str], _Kept] = {}
        self._sessions: dict[str, tuple[Provider, Pair | None, aiohttp.ClientSession]] = {}

    def put(self, document: Mapping[str, Any]) -> Provider:
        """Add or replace a Provider; raises `ProviderError`, and what was there then stays."""
        provider = wire.read(document)
        self._known[provider.name] = provider
        return provider

    def remove(self, name: str) -> None:
        """Take a Provider out; one that is not there is no error."""
        self._known.pop(name, None)

    async def close(self) -> None:
        """Close all connections."""
        for name in list(self._sessions):
            await self._sessions.pop(name)[2].close()

    # --- what pure code calls ---

    def ask(self, provider: str, keys: Sequence[str]) -> Answer:
        """Answer `external_data`; raises `UnansweredError` inside `complete`."""
        told = _told.get()
        question = _Validation(provider, tuple(keys))
        if told is not None and question in told:
            found: Answer = told[question]
            return found
        known = self._known.get(provider)
        if known is None:
            return Answer(status_code=400, system_error=f"key is not found in provider cache: {provider}")
        kept = [self._recall(known, key) for key in keys]
        if all(one is not None for one in kept):
            return answer(Reply(tuple(one.item for one in kept if one), True, "", 0))
        if told is None:
            return Answer(status_code=500, system_error=f"{provider} cannot be asked here")
        raise UnansweredError(question)

    def lookup(self, keys: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
        """Answer a mutation's placeholders; raises `UnansweredError` inside `complete`."""
        told = _told.get()
        question = _Mutation(tuple(sorted(keys.items())))
        if told is None:
            refused = UnavailableError("external data cannot be asked for here")
            return dict.fromkeys(keys, refused)
        if question not in told:
            raise UnansweredError(question)
        found: Mapping[str, Any] = told[question]
        return found

    # --- what processes call ---

    def attempt(self, act: Callable[[], Result], told: Told | None = None) -> Result:
        """Do an act with what is known; raises `UnansweredError` where that is not enough."""
        token = _told.set({} if told is None else told)
        try:
            return act()
        finally:
            _told.reset(token)

    async def complete(self, act: Callable[[], Result]) -> Result:
        """Do an act, fetch what it asks for, and do it again until it asks nothing new."""
        told: Told = {}
        for _ in range(ROUNDS):
            try:
                return self.attempt(act, told)
            except UnansweredError as error:
                questions = [one for one in error.questions if one not in told]
                answers = await asyncio.gather(*(self._answer(one) for one in questions))
                told |= dict(zip(questions, answers, strict=True))
        raise UnavailableError(f"more external data was asked for than {ROUNDS} rounds can fetch")

    async def _answer(self, question: Hashable) -> Any:
        if isinstance(question, _Mutation):
            names = [name for name, _ in question.keys]
            found = await asyncio.gather(*(self._document(name, keys) for name, keys in question.keys))
            return {name: one for name, one in zip(names, found, strict=True) if one is not None}
        assert isinstance(question, _Validation)  # `ask` and `lookup` raise no others
        return await self._validate(question)

    async def _validate(self, question: _Validation) -> Answer:
        known = self._known.get(question.provider)
        if known is None:
            return self.ask(question.provider, question.keys)
        kept = {key: self._recall(known, key) for key in question.keys}
        missing = [key for key in question.keys if kept[key] is None]
        try:
            said = await self._fetch(known, missing)
        except PratiqueError as error:
            return Answer(status_code=500, system_error=error.message)
        known_items = tuple(one.item for one in kept.values() if one is not None)
        return answer(
            Reply((*known_items, *said.items), said.idempotent, said.system_error, said.status_code)
        )

    async def _document(self, name: str, keys: tuple[str, ...]) -> Any:
        """Return what `mutation` reads: a ProviderResponse, an error, or None for no such provider."""
        known = self._known.get(name)
        if known is None:
            return None
        kept = {key: one for key in keys if (one := self._recall(known, key)) is not None and one.idempotent}
        missing = [key for key in keys if key not in kept]
        items = [one.item for one in kept.values()]
        said = Reply((), True)
        if missing:
            try:
                said = await self._fetch(known, missing)
            except PratiqueError as error:
                return error
        return {
            "response": {
                "idempotent": said.idempotent,
                "systemError": said.system_error,
                "items": [*items, *said.items],
            }
        }

    # --- the wire ---

    def _recall(self, provider: Provider, key: str) -> _Kept | None:
        kept = self._kept.get((provider, key))
        return kept if kept is not None and kept.until > self._now() else None

    async def _fetch(self, provider: Provider, keys: Sequence[str]) -> Reply:
        """Ask a provider, and keep what it says of each key."""
        unique = list(dict.fromkeys(keys))
        said = await self._send(provider, unique)
        if self._keep_seconds > 0 and not said.system_error.strip():
            self._forget_the_old()
            until = self._now() + self._keep_seconds
            for item in said.items:
                self._kept[provider, item["key"]] = _Kept(item, said.idempotent, until)
        return said

    def _forget_the_old(self) -> None:
        now = self._now()
        self._kept = {key: one for key, one in self._kept.items() if one.until > now}

    async def _send(self, provider: Provider, keys: Sequence[str]) -> Reply:
        seconds = provider.timeout or DEFAULT_SECONDS
        failed = "failed to send external data request"
        try:
            session = await self._session(provider)
            async with asyncio.timeout(seconds):
                async with session.post(
                    provider.url,
                    data=orjson.dumps(wire.request(keys)),
                    headers={"Content-Type": "application/json"},
                    allow_redirects=False,
                ) as response:
                    body = await response.content.read(LARGEST + 1)
                    status = response.status
        except TimeoutError:
            raise UnavailableError(f"{failed}: {provider.url} did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"{failed}: {provider.url}: {error}") from None
        if len(body) > LARGEST:
            raise UnavailableError(f"{failed}: {provider.url} answered with more than {LARGEST} bytes")
        try:
            return wire.reply(orjson.loads(body), status_code=status)
        except orjson.JSONDecodeError as error:
            reason = f"failed to unmarshal external data response (HTTP status {status}): {error}"
            raise ProviderError(reason) from None

    async def _session(self, provider: Provider) -> aiohttp.ClientSession:
        """Return the open session to a provider; another text of it, or another certificate, is another one."""
        pair = self._certificate()
        found = self._sessions.get(provider.name)
        if found is not None and found[:2] == (provider, pair):
            return found[2]
        tls = _context(provider, pair)
        connector = aiohttp.TCPConnector(ssl=tls, limit_per_host=CONNECTIONS, keepalive_timeout=IDLE_SECONDS)
        session = aiohttp.ClientSession(connector=connector)
        self._sessions[provider.name] = (provider, pair, session)
        if found is not None:
            await found[2].close()
        return session


def _context(provider: Provider, pair: Pair | None) -> ssl.SSLContext:
    try:
        tls = ssl.create_default_context(cadata=provider.authorities)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        if pair is not None:
            load_pair(tls, *pair)
    except (ssl.SSLError, ValueError) as error:
        raise ProviderError(f"failed to get HTTP client: the caBundle cannot be read: {error}") from None
    return tls
