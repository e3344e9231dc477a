"""Operations: a method, a path pattern, who may, and the function that answers.

A pattern's literals compare without case under Azure Resource Manager's paths (clients write
`resourcegroups` and `resourceGroups`); `{scope}` stands for any number of segments, every other `{name}`
for one. The first pattern that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from pratique.service.actions.context import ADMIN, AGENT, READER, Actor, Context
from pratique.service.errors import RequestError

Document = dict[str, Any]

EVERYONE = (ADMIN, READER)
WRITERS = (ADMIN,)
AGENTS = (ADMIN, AGENT)
ALL = (ADMIN, READER, AGENT)
PUBLIC: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an operation sees it."""

    context: Context
    actor: Actor
    origin: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes = b""
    content_type: str = ""

    def option(self, name: str) -> str:
        """Return a query parameter, whose name compares without case; empty when it is missing."""
        found = self.query.get(name)
        if found is None:
            folded = name.casefold()
            found = next((value for key, value in self.query.items() if key.casefold() == folded), "")
        return found

    def body(self) -> Document:
        """Return the request's JSON object.

        Raises RequestError saying where the text stops being JSON.
        """
        try:
            found = orjson.loads(self.content or b"{}")
        except orjson.JSONDecodeError as error:
            raise RequestError(
                f"the body is not JSON: {error.msg}: line {error.lineno} column {error.colno}",
                code="InvalidRequestContent",
                hint="send a JSON object, in UTF-8",
            ) from error
        if not isinstance(found, dict):
            raise RequestError(
                "the body must be a JSON object",
                code="InvalidRequestContent",
                hint='as in {"properties": {...}}',
            )
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON value (None: nothing), its status and headers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


Handler = Callable[[Call], Any]
Stream = Callable[[Call], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the table. `stream` answers with an open stream in place of `handler`."""

    method: str
    path: str
    summary: str
    handler: Handler | None = None
    roles: tuple[str, ...] = EVERYONE
    query: tuple[str, ...] = ()
    body: str = ""
    answer: str = ""
    status: int = 200
    tag: str = ""
    stream: Stream | None = None
    media_type: str = "application/json"
    open_during_start: bool = False


class Table:
    """The operations, ready to be looked up."""

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations
        self._compiled: list[tuple[re.Pattern[str], dict[str, Operation]]] = []
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            known = by_path.get(operation.path)
            if known is None:
                known = by_path[operation.path] = {}
                self._compiled.append((_compile(operation.path), known))
            known[operation.method] = operation

    def find(self, method: str, path: str) -> tuple[Operation | None, dict[str, str], list[str]]:
        """Return the operation, the path's parameters, and the methods that this path does take."""
        allowed: list[str] = []
        for pattern, methods in self._compiled:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            operation = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
            if operation is not None:
                return operation, match.groupdict(), []
            allowed += methods
        return None, {}, allowed


def _compile(path: str) -> re.Pattern[str]:
    parts = []
    for part in re.split(r"(\{\w+\})", path):
        if part == "{scope}":
            # ARM's scopes start so; a page of the portal such as `/compliance/<id>` only ends like one.
            parts.append("(?P<scope>(?:/(?:subscriptions|providers)(?:/[^/]+)+)?)")
        elif part.startswith("{"):
            parts.append(f"(?P<{part[1:-1]}>[^/]+)")
        else:
            parts.append(re.escape(part))
    flags = 0 if path.startswith("/api/") else re.IGNORECASE
    return re.compile("".join(parts), flags)
