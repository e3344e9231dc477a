"""`pratique serve`: the service and the portal alone, for clusters that exist already."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import home, output
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.service import Credentials


@click.command()
@click.option("--listen", default="127.0.0.1:7080", show_default=True, help="Address of portal and API.")
@click.option("--listen-tls", default="127.0.0.1:7443", show_default=True, help="The same on TLS, for az.")
@click.option("--tls", is_flag=True, help="TLS on --listen too; needed beyond loopback.")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The server's certificate (PEM, with its chain); one of our own authority without it.",
)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its key (PEM).")
@click.option("--host", "hosts", multiple=True, help="A name for our own certificate; may be repeated.")
@click.option("--origin", default="", help="The address that clients are told to use, behind a proxy.")
@click.option(
    "--mirror",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Answer template URLs from this folder.",
)
@output.option
def serve(*, listen: str, listen_tls: str, output_format: str, **given: Any) -> None:
    """Run the service and the portal until Ctrl-C.

    Beyond loopback only TLS is spoken: add --tls, and --certificate and --key for a certificate of your own.
    """
    import uvloop

    certificate, key = given["certificate"], given["key"]
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key go together")
    plain, secure = _address(listen), _address(listen_tls)
    if not _loopback(plain[0]) and not given["tls"]:
        raise InputError(
            f"`{listen}` can be reached from other machines, and without TLS passwords could be read there",
            hint="add --tls, or listen on 127.0.0.1",
        )
    plan = Plan(
        plain=plain,
        secure=secure,
        tls=given["tls"],
        files=(certificate, key) if certificate else None,
        names=tuple(dict.fromkeys((*given["hosts"], plain[0], secure[0], "localhost", "127.0.0.1"))),
        origin=given["origin"].rstrip("/"),
        mirror=given["mirror"],
    )
    uvloop.run(_serve(plan, output_format))


@dataclass(frozen=True, slots=True)
class Plan:
    """What `serve` was told, checked."""

    plain: tuple[str, int]
    secure: tuple[str, int]
    tls: bool
    files: tuple[Path, Path] | None
    names: tuple[str, ...]
    origin: str
    mirror: Path | None

    @property
    def url(self) -> str:
        """Return the address of portal and API."""
        host, port = self.plain
        shown = f"[{host}]" if ":" in host else host
        return self.origin or f"{'https' if self.tls else 'http'}://{shown}:{port}"


async def _serve(plan: Plan, output_format: str) -> None:
    import asyncio
    import signal
    from contextlib import AsyncExitStack

    from pratique.client.service import ServiceClient
    from pratique.listener import Listener, tls_of
    from pratique.portal.app import create_app as create_portal
    from pratique.portal.settings import Settings as PortalSettings
    from pratique.service import Service, Settings
    from pratique.service.certificates import ensure

    root = home.locate().root
    made = None if plan.files else ensure(root, plan.names)
    files = plan.files or ((made.certificate, made.key) if made else None)
    assert files is not None, "either the files were given, or they were made"
    authority = made.ca.read_text(encoding="utf-8") if made and plan.tls else ""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    service = Service(
        Settings(
            state_dir=root,
            origin=plan.origin,
            mirror=plan.mirror,
            agent_url=plan.url,
            agent_ca=authority,
        )
    )
    async with AsyncExitStack() as stack:
        client = ServiceClient(plan.url, ca=authority)
        stack.push_async_callback(client.close)
        portal = PortalSettings(secure_cookie=plan.tls)
        service.fallback = create_portal(portal, lambda token: client.with_token(token or ""))
        stack.push_async_callback(service.stop)
        tls = tls_of(*files)
        listeners = [
            Listener(service.app, host=plan.plain[0], port=plan.plain[1], tls=tls if plan.tls else None),
            Listener(service.app, host=plan.secure[0], port=plan.secure[1], tls=tls),
        ]
        # Ports first: credentials of a first start that then fails would never be shown.
        for listener in listeners:
            await listener.start()
            stack.push_async_callback(listener.stop)
        first = await service.start()
        facts = {
            "portal": listeners[0].url,
            "signIn": f"{listeners[0].url}/login?code={await service.sign_in_link()}",
            "api": f"{listeners[0].url}/api/v1",
            "tls": listeners[1].url,
        } | ({"authority": str(made.ca)} if made else {})
        _welcome(facts, first, output_format)
        await stopped.wait()
        click.echo("stopping", err=True)


def _welcome(facts: dict[str, Any], first: Credentials | None, output_format: str) -> None:
    import sys

    from pratique.cli.login import describe, document

    if output_format == "table":
        click.echo(f"portal      {facts['signIn']}")
        click.echo(f"API         {facts['api']}")
        click.echo(f"az          {facts['tls']}")
        if "authority" in facts:
            click.echo(f"authority   {facts['authority']}")
        if first is not None:
            click.echo(describe(first))
    else:
        output.show(facts | ({"credentials": document(first)} if first else {}), output_format)
    sys.stdout.flush()


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"`{text}` is not an address", hint="write HOST:PORT, such as 127.0.0.1:7080")
    return host, int(port)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
