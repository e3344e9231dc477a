"""Requests and responses as the handlers see them, over plain ASGI.

In comes an ASGI scope, out go typed questions (`query`, `header`, `wants`) and finished responses. Knows
nothing of resources.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson
import yaml

from pratique.devcluster import protobuf
from pratique.devcluster.users import ANONYMOUS, UserInfo
from pratique.kube import status
from pratique.kube import yaml as kube_yaml

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

READABLE = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
BODY_LIMIT = 8 << 20
GZIP_FROM = 128 << 10  # kube-apiserver compresses from this size on
PROTOBUF = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which a client wants its answer."""

    media: str = "application/json"
    shape: str = ""
    version: str = ""
    group: str = ""


@dataclass(slots=True)
class Request:
    """One request, with its body read on demand."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    receive: Receive
    user: UserInfo = ANONYMOUS
    warnings: list[str] = field(default_factory=list)
    repeated: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> Request:
        """Read a request's head."""
        headers: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers.setdefault(name, value)
            repeated.setdefault(name, []).append(value)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        return cls(scope["method"], scope["path"], query, headers, receive, repeated=repeated)

    async def body(self) -> bytes:
        """Return the whole body."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise status.bad_request("the client went away")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_LIMIT:
                text = f"Request entity too large: limit is {BODY_LIMIT}"
                raise status.make(413, "RequestEntityTooLarge", text)
            if not message.get("more_body"):
                break
        whole = b"".join(parts)
        if self.headers.get("content-encoding") == "gzip":
            whole = gzip.decompress(whole)
        return whole

    @property
    def content_type(self) -> str:
        """Return the body's media type without parameters; JSON if none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip() or "application/json"

    def forms(self) -> list[Form]:
        """Return the forms that the client accepts, in its order."""
        found: list[Form] = []
        for clause in self.headers.get("accept", "*/*").split(","):
            media, *words = (word.strip() for word in clause.split(";"))
            options = dict(word.split("=", 1) for word in words if "=" in word)
            found.append(
                Form(media.lower(), options.get("as", ""), options.get("v", ""), options.get("g", ""))
            )
        return found

    def form(self) -> Form:
        """Return the first acceptable form that we can answer in; refuse if there is none."""
        for form in self.forms():
            known = form.media in ("*/*", "application/*", "application/json", "application/yaml")
            if known and form.shape in ("", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
                media = form.media if form.media == "application/yaml" else "application/json"
                return Form(media, form.shape, form.version, form.group)
        raise status.not_acceptable(READABLE)

    def flag(self, name: str) -> bool:
        """Tell whether a query parameter is true."""
        return self.query.get(name, "") in ("true", "1", "True", "t", "T")

    def number(self, name: str) -> int | None:
        """Return a query parameter as a number."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def decode(body: bytes, media: str) -> Any:
    """Return the value that a body spells in JSON, YAML or protobuf."""
    if media == PROTOBUF or body[:4] == b"k8s\0":
        try:
            return protobuf.decode(body)
        except protobuf.ProtobufError as error:
            raise status.bad_request(error.message) from None
    if media in ("application/json", "*/*"):
        return decode_json(body)
    if media in ("application/yaml", "text/yaml", "application/x-yaml"):
        return decode_yaml(body)
    raise status.unsupported_media_type(READABLE)


def decode_json(body: bytes) -> Any:
    """Return the value of a JSON text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise status.bad_request(f"couldn't get version/kind; json parse error: {error}") from None


def decode_yaml(body: bytes) -> Any:
    """Return the value of a YAML text, as kubectl reads YAML."""
    try:
        text = body.decode()
        documents = kube_yaml.read(text, file="body")
    except (UnicodeDecodeError, kube_yaml.YamlError, yaml.YAMLError) as error:
        raise status.bad_request(f"error parsing YAML: {error}") from None
    return documents[0] if documents else None


@dataclass(frozen=True, slots=True)
class Response:
    """A finished answer, or one whose body comes in pieces."""

    code: int
    body: bytes = b""
    media: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[bytes] | None = None


def answer(value: Any, *, code: int = 200, form: Form | None = None) -> Response:
    """Return a value as JSON, or as YAML if that was asked for."""
    if form is not None and form.media == "application/yaml":
        return Response(code, yaml.safe_dump(value, sort_keys=True).encode(), "application/yaml")
    return Response(code, orjson.dumps(value))


def text(body: str, *, code: int = 200) -> Response:
    """Return a plain text."""
    return Response(code, body.encode(), "text/plain; charset=utf-8")


def not_found() -> Response:
    """Return what Go answers for an address that nobody serves."""
    return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")


def refusal(error: status.StatusError) -> Response:
    """Return a Status."""
    headers: tuple[tuple[str, str], ...] = ()
    if error.code == 429:
        headers = (("retry-after", str((error.status.get("details") or {}).get("retryAfterSeconds", 1))),)
    return Response(error.code, orjson.dumps(error.status), headers=headers)


def warning_header(message: str) -> tuple[str, str]:
    """Return the header that carries one warning; kubectl prints it."""
    plain = " ".join(message.split()).replace("\\", "\\\\").replace('"', '\\"')
    return ("warning", f'299 - "{plain}"')


async def send(response: Response, request: Request, sender: Send) -> None:
    """Write a response, with the warnings that came up on the way."""
    headers = [
        (b"content-type", response.media.encode()),
        (b"cache-control", b"no-cache, private"),
    ]
    pairs = [*response.headers, *(warning_header(message) for message in dict.fromkeys(request.warnings))]
    headers += [(name.encode(), value.encode("utf-8")) for name, value in pairs]
    if response.stream is None:
        body = response.body
        if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        headers.append((b"content-length", str(len(body)).encode()))
        await sender({"type": "http.response.start", "status": response.code, "headers": headers})
        await sender({"type": "http.response.body", "body": body})
        return
    await sender({"type": "http.response.start", "status": response.code, "headers": headers})
    # An empty piece makes the server send the head now: a client waits for it before it reads events.
    await sender({"type": "http.response.body", "body": b"", "more_body": True})
    async for piece in response.stream:
        await sender({"type": "http.response.body", "body": piece, "more_body": True})
    await sender({"type": "http.response.body", "body": b""})
