import asyncio
import logging
import re
import socket
import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest

from pratique.agent import logs
from pratique.agent.app import Health, first_cause
from pratique.agent.certs import load_chain, make_pair
from pratique.agent.metrics import Metrics
from pratique.agent.servers import Pages, body_of, listener_for
from pratique.errors import InputError, UnavailableError


async def get(port: int, path: str, tls: ssl.SSLContext | None = None, name: str = "") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname=name or None if tls else None
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    text = await reader.read()
    writer.close()
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_pages_are_served_by_path() -> None:
    async def story() -> None:
        port = listener_for(Pages({"/healthz": lambda: (200, b"ok\n")}), host="127.0.0.1", port=0)
        await port.start()
        assert await get(port.port, "/healthz") == (200, b"ok\n")
        assert await get(port.port, "/healthz/") == (200, b"ok\n")
        assert (await get(port.port, "/other"))[0] == 404
        await port.stop()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await get(port.port, "/healthz")

    asyncio.run(story())


def test_a_taken_port_is_named_with_the_cure() -> None:
    async def story() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(UnavailableError, match=f"port `{port}` on `127.0.0.1` is in use") as caught:
                await listener_for(Pages({}), host="127.0.0.1", port=port).start()
            assert "--port" in caught.value.hint

    asyncio.run(story())


def test_a_chain_that_is_loaded_later_serves_the_next_connection() -> None:
    async def story() -> None:
        first, second = make_pair("hook", "ns"), make_pair("hook", "ns")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_chain(tls, first.certificate, first.key)
        port = listener_for(Pages({"/": lambda: (200, b"ok")}), host="127.0.0.1", port=0, tls=tls)
        await port.start()
        for pair, other in ((first, second), (second, first)):
            load_chain(tls, pair.certificate, pair.key)
            trusting = ssl.create_default_context(cadata=pair.authority.decode())
            assert (await get(port.port, "/", trusting, "hook.ns.svc"))[0] == 200
            distrusting = ssl.create_default_context(cadata=other.authority.decode())
            with pytest.raises(ssl.SSLCertVerificationError):
                await get(port.port, "/", distrusting, "hook.ns.svc")
        await port.stop()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"type": "http.request", "body": b"ab"}], b"ab"),
        (
            [
                {"type": "http.request", "body": b"a", "more_body": True},
                {"type": "http.request", "body": b"b", "more_body": False},
            ],
            b"ab",
        ),
        ([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}], b""),
        (
            [
                {"type": "http.request", "body": b"x" * 8, "more_body": True},
                {"type": "http.request", "body": b"x" * 8, "more_body": True},
                {"type": "http.request", "body": b"x", "more_body": False},
            ],
            b"",
        ),
    ],
)
def test_bodies(messages: list[dict[str, Any]], expected: bytes) -> None:
    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    assert asyncio.run(body_of(receive, limit=10)) == expected


def test_ready_stays_ready_until_the_end() -> None:
    missing = ["templates"]
    health = Health(lambda: missing)
    assert health.ready() == (503, b"waiting for templates\n")
    missing.clear()
    assert health.ready()[0] == 200
    missing.append("something later")
    assert health.ready()[0] == 200
    health.ending = True
    assert health.ready() == (503, b"ending\n")


def test_a_group_of_failures_is_told_by_our_own_error() -> None:
    ours = InputError("wrong")
    assert first_cause(ExceptionGroup("a", [ValueError("x"), ExceptionGroup("b", [ours])])) is ours
    assert str(first_cause(ExceptionGroup("a", [ValueError("x")]))) == "x"


def test_a_log_line_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:

    before = logging.getLogger().handlers[:]
    try:
        logs.configure("info")
        logs.info("denied", constraint="owner", details={"a": {1}})
        try:
            raise ValueError("inside")
        except ValueError:
            logs.failure("broken")
    finally:
        logging.getLogger().handlers[:] = before
    first, second = (orjson.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["level"], first["msg"], first["constraint"]) == ("info", "denied", "owner")
    assert "ValueError: inside" in second["error"]


def test_every_metric_has_its_entry_and_every_entry_its_metric() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "agent.md").read_text()
    named = set(re.findall(r"`((?:gatekeeper|pratique)_[a-z_]+)`", page))
    families = Metrics().registry.collect()
    there = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert named == there
