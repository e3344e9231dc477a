"""An agent's ports, in raw ASGI: bodies in, whole answers out, and pages by path (health, metrics)."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from pratique.listener import App, Listener, Receive, Scope, Send

CURE = "stop that program, or choose another with --port, --health-addr or --prometheus-port"


def listener_for(app: App, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> Listener:
    """Return one of an agent's ports; no host is every address of the pod."""
    return Listener(app, host=host or "0.0.0.0", port=port, tls=tls, cure=CURE)  # noqa: S104


async def body_of(receive: Receive, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """Return the whole body of a request; empty when it is larger than `limit` or broken off."""
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole
    parts = [message.get("body", b"")]
    size = len(parts[0])
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect" or size > limit:
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    return b"".join(parts)


async def answer(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8") -> None:
    """Send a whole response."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Pages:
    """GET pages by path: each a function that returns (status, text)."""

    def __init__(self, pages: dict[str, Callable[[], tuple[int, bytes]]]) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        page = self._pages.get(scope.get("path", "").rstrip("/") or "/")
        status, text = page() if page else (404, b"not found\n")
        await answer(send, status, text)
