"""The service's client against servers that misbehave, and against the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pratique.client.http import Http, error_from
from pratique.client.service import ServiceClient, digest
from pratique.errors import (
    ConflictError,
    DeniedError,
    InputError,
    NotFoundError,
    PratiqueError,
    SourceError,
    UnavailableError,
)

Answer = tuple[int, dict[str, str], bytes]


@asynccontextmanager
async def server(answers: Callable[[str, str, bytes], Answer]) -> AsyncIterator[str]:
    """Serve raw HTTP answers on loopback; one connection a request."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.splitlines()[0].split(" ")
        length = next(
            (
                int(line.split(":")[1])
                for line in head.splitlines()
                if line.lower().startswith("content-length:")
            ),
            0,
        )
        status, headers, content = answers(method, path, await reader.readexactly(length))
        lines = [
            f"HTTP/1.1 {status} X",
            "Connection: close",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await work

    return asyncio.run(bounded())


def body(code: str, message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InputError),
        (401, DeniedError),
        (403, DeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InputError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_an_answer_becomes_the_error_that_it_stands_for(status: int, kind: type[PratiqueError]) -> None:
    error = error_from(status, body("Code", "what is wrong", hint="the cure"))
    assert type(error) is kind
    assert (error.message, error.hint) == ("what is wrong", "the cure")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"error": {}}'])
def test_an_answer_without_our_form_still_speaks(content: bytes) -> None:
    assert "502" in error_from(502, content).message


def test_a_problem_with_a_place_is_a_source_error() -> None:
    details = [
        {
            "code": "x",
            "message": "m",
            "file": "template.yaml",
            "line": 3,
            "column": 5,
            "text": "a := b",
            "width": 2,
        }
    ]
    error = error_from(400, body("InvalidConstraintTemplate", "does not compile", details=details))
    assert isinstance(error, SourceError)
    assert str(error.location) == "template.yaml:3:5"
    assert error.message == "m"
    assert error.location.excerpt() == "\ta := b\n\t    ^^"


def test_what_is_safe_to_repeat_is_repeated() -> None:
    calls: list[str] = []

    def answers(method: str, _path: str, _content: bytes) -> Answer:
        calls.append(method)
        if len(calls) < 3:
            return 503, {"Retry-After": "0.01", "Content-Length": "0"}, b""
        return 200, {"Content-Length": "2"}, b"{}"

    async def work() -> Any:
        async with server(answers) as url, Http(url) as http:
            return await http.request("PUT", "/x", body={})

    assert run(work()) == {}
    assert calls == ["PUT"] * 3


def test_a_post_is_sent_once() -> None:
    calls: list[str] = []

    def answers(method: str, _path: str, _content: bytes) -> Answer:
        calls.append(method)
        return 503, {"Content-Length": "0"}, b""

    async def work() -> None:
        async with server(answers) as url, Http(url) as http:
            await http.request("POST", "/x", body={})

    with pytest.raises(UnavailableError):
        run(work())
    assert calls == ["POST"]


def test_nobody_there_names_the_address() -> None:
    async def work() -> None:
        async with ServiceClient("http://127.0.0.1:9") as client:
            await client.me()

    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9"):
        run(work())


def test_something_else_there_is_named() -> None:
    async def work() -> None:
        answer = (200, {"Content-Length": "6"}, b"<html>")
        async with server(lambda *_: answer) as url, ServiceClient(url) as client:
            await client.me()

    with pytest.raises(UnavailableError, match="not JSON"):
        run(work())


def test_a_lost_stream_is_taken_up_again_without_repeating() -> None:
    documents = [{"revision": number, "hash": f"h{number}", "manifests": []} for number in (1, 2)]
    connections: list[str] = []

    def answers(_method: str, path: str, _content: bytes) -> Answer:
        connections.append(path)
        seen = documents[: len(connections)]
        lines = b"".join(json.dumps(document).encode() + b'\n{"heartbeat": "t"}\n' for document in seen)
        return 200, {"Content-Type": "application/x-ndjson"}, lines

    async def work() -> list[int]:
        found = []
        async with server(answers) as url, ServiceClient(url) as client:
            async for document in client.desired_stream("a b"):
                found.append(document["revision"])
                if len(found) == 2:
                    return found
        return found

    assert run(work()) == [1, 2]
    assert connections[0] == "/api/v1/clusters/a%20b/desired/stream"


def test_a_refused_stream_says_so() -> None:
    async def work() -> None:
        content = body("AuthorizationFailed", "not yours")
        answer = (403, {"Content-Length": str(len(content))}, content)
        async with server(lambda *_: answer) as url, ServiceClient(url) as client:
            async for _ in client.desired_stream("x"):
                pass

    with pytest.raises(DeniedError, match="not yours"):
        run(work())


def test_events_tell_when_the_connection_was_lost() -> None:
    def answers(_method: str, _path: str, _content: bytes) -> Answer:
        return (
            200,
            {"Content-Type": "text/event-stream"},
            b': hello\n\nevent: records\ndata: {"cluster": "c"}\n\n',
        )

    async def work() -> list[Any]:
        found: list[Any] = []
        async with server(answers) as url, ServiceClient(url) as client:
            async for event in client.events():
                found.append(event)
                if len(found) == 3:
                    return found
        return found

    one = {"event": "records", "cluster": "c"}
    assert run(work()) == [one, {"event": "reconnected"}, one]


def test_the_digest_does_not_depend_on_the_order() -> None:
    pairs = [("b", "2"), ("a", "1"), ("a", "ä")]
    assert digest(pairs) == digest(reversed(pairs))
    assert digest(pairs) != digest(pairs[:2])
    assert digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
