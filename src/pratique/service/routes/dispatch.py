"""From an ASGI request to an operation and back.

In: the request. Out: the operation's answer, or an error in the one form. The request's body is read here
and no further; every operation that is not a stream runs in a thread, so nothing on the loop ever waits
for the database.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from pratique.errors import PratiqueError
from pratique.service.actions import accounts
from pratique.service.actions.context import Actor, Context
from pratique.service.errors import RequestError
from pratique.service.routes import metrics, operations
from pratique.service.routes.answers import error_answer, plain_error
from pratique.service.routes.table import PUBLIC, Answer, Call, Operation

log = logging.getLogger(__name__)

# A document of ARM may have 1 MiB (azure-policy.md 1.6); a full report of a large cluster is the exception.
LIMIT, REPORT_LIMIT = 2**22, 2**28
NOBODY = Actor("anonymous", "Anonymous", "")


class TooLargeError(RequestError):
    """The body is larger than an operation takes."""

    status = 413


class Dispatcher:
    """The ASGI application: looks operations up and runs them."""

    def __init__(self) -> None:
        self.context: Context | None = None
        self.fallback: ASGIApp | None = None
        self._metrics = metrics.Metrics()
        self._table = operations.table(self._metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if self.fallback is not None:
                await self.fallback(scope, receive, send)
            return
        path = _path(scope["path"])
        method = scope["method"]
        operation, params, allowed = self._table.find(method, path)
        if operation is None and not allowed and self.fallback is not None and not operations.ours(path):
            await self.fallback(scope, receive, send)
            return
        started = time.perf_counter()
        status = await self._answer(scope, receive, send, operation=operation, params=params, allowed=allowed)
        self._metrics.observe(operation.path if operation else "none", method, status, started)

    def end_streams(self) -> None:
        """End every held stream, because the port that they came by closes."""
        if self.context is not None:
            self.context.hub.close()
        if (end_streams := getattr(self.fallback, "end_streams", None)) is not None:
            end_streams()

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        operation: Operation | None,
        params: dict[str, str],
        allowed: list[str],
    ) -> int:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        origin = self._origin(scope, headers)
        request_id = headers.get(b"x-ms-client-request-id") or str(uuid.uuid4())
        extra = {"x-ms-request-id": request_id[:128]}
        try:
            if operation is None:
                return await _refuse(scope, send, allowed, extra)
            if self.context is None:
                body = plain_error(
                    503, "ServiceUnavailable", "the service is starting or stopping", hint="wait"
                )
                return await _send(send, Answer(body, 503, {"Retry-After": "1", **extra}))
            call = Call(
                context=self.context,
                actor=NOBODY,
                origin=origin,
                params={**params, "path": scope["path"]},
                query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
                content=await _read(receive, REPORT_LIMIT if operation.path.endswith("/reports") else LIMIT),
                content_type=headers.get(b"content-type", ""),
            )
            token = _bearer(headers.get(b"authorization", ""))
            if operation.stream is not None:
                call = await anyio.to_thread.run_sync(_admit, operation, call, token)
                return await _stream(send, receive, operation, operation.stream(call), extra)
            answer = await anyio.to_thread.run_sync(_run, operation, call, token)
            if method_is_head(scope):
                answer = Answer(None, answer.status, answer.headers, answer.media_type)
            return await _send(
                send, Answer(answer.body, answer.status, {**answer.headers, **extra}, answer.media_type)
            )
        except PratiqueError as error:
            status, body, more = error_answer(error, origin=origin)
            return await _send(send, Answer(body, status, {**more, **extra}))
        except _GoneError:
            return 499
        except Exception:
            log.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            body = plain_error(
                500,
                "InternalServerError",
                f"the service failed on this request, id `{request_id[:128]}`",
                hint="the service's log has the cause under this id",
            )
            return await _send(send, Answer(body, 500, extra))

    def _origin(self, scope: Scope, headers: dict[bytes, str]) -> str:
        if self.context is not None and self.context.settings.origin:
            return self.context.settings.origin.rstrip("/")
        host = headers.get(b"host") or ":".join(map(str, scope.get("server") or ("localhost", 80)))
        return f"{scope.get('scheme', 'http')}://{host}"


class _GoneError(Exception):
    """The client has hung up."""


def method_is_head(scope: Scope) -> bool:
    """Tell whether only the head of the answer is wanted."""
    return bool(scope["method"] == "HEAD")


def _path(path: str) -> str:
    """Return a path without doubled and trailing slashes, which some clients of ARM send."""
    if "//" in path or (path.endswith("/") and len(path) > 1):
        return "/" + "/".join(part for part in path.split("/") if part)
    return path


def _bearer(header: str) -> str:
    kind, _, token = header.partition(" ")
    return token.strip() if kind.casefold() == "bearer" else ""


def _admit(operation: Operation, call: Call, token: str) -> Call:
    """Return the call with its actor; raises DeniedError for one who may not."""
    if operation.roles == PUBLIC:
        return call
    actor = accounts.authenticate(call.context, token)
    accounts.require(actor, *operation.roles)
    return Call(call.context, actor, call.origin, call.params, call.query, call.content, call.content_type)


def _run(operation: Operation, call: Call, token: str) -> Answer:
    admitted = _admit(operation, call, token)
    assert operation.handler is not None, "an operation has a handler or a stream"
    found = operation.handler(admitted)
    return found if isinstance(found, Answer) else Answer(found, operation.status)


async def _read(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLargeError(f"the body is larger than {limit} bytes", code="RequestEntityTooLarge")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(send: Send, answer: Answer) -> int:
    if answer.body is None:
        content = b""
    elif isinstance(answer.body, (bytes, str)):
        content = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
    else:
        content = orjson.dumps(answer.body)
    headers = {
        "content-length": str(len(content)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **answer.headers,
    }
    if content:
        headers["content-type"] = answer.media_type
    if answer.status in (204, 304):
        headers.pop("content-length")
    await _start(send, answer.status, headers)
    await send({"type": "http.response.body", "body": content})
    return answer.status


async def _stream(
    send: Send, receive: Receive, operation: Operation, chunks: AsyncIterator[bytes], extra: dict[str, str]
) -> int:
    iterator = aiter(chunks)
    # The first piece decides: a refusal inside the stream's start is an ordinary error answer.
    first = await anext(iterator, b"")
    headers = {"content-type": operation.media_type, "cache-control": "no-store", "x-accel-buffering": "no"}
    await _start(send, 200, {**headers, **extra})

    async def pump() -> None:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for chunk in iterator:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(watch)
        await pump()
        group.cancel_scope.cancel()
    return 200


async def _start(send: Send, status: int, headers: dict[str, str]) -> None:
    raw = [
        (key.lower().encode("latin-1"), _safe(value).encode("latin-1", "replace"))
        for key, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})


def _safe(value: Any) -> str:
    return str(value).replace("\r", " ").replace("\n", " ")


async def _refuse(scope: Scope, send: Send, allowed: list[str], extra: dict[str, str]) -> int:
    path = scope["path"]
    if allowed:
        choices = ", ".join(sorted(set(allowed)))
        body = plain_error(
            405, "MethodNotAllowed", f"`{path}` does not take {scope['method']}", hint=f"it takes {choices}"
        )
        return await _send(send, Answer(body, 405, {"Allow": choices, **extra}))
    body = plain_error(
        404, "NotFound", f"there is no `{path}` here", hint="`/openapi.json` lists what there is"
    )
    return await _send(send, Answer(body, 404, extra))
