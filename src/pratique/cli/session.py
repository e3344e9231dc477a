"""Which service a command speaks to, and as whom.

In: `--url`, `--token`, their environment variables, what `pratique login` kept in the installation's folder.
Out: a `ServiceClient`. The owner of an installation's folder needs no login for its own service: the folder
is the credential, so a one-time code is taken from it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pratique.cli import home
from pratique.errors import DeniedError, InputError

if TYPE_CHECKING:
    from pratique.client.service import ServiceClient

DEFAULT_URL = "http://127.0.0.1:7080"
LOOPBACK = ("http://127.0.0.1:", "http://localhost:", "https://127.0.0.1:", "https://localhost:")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Target:
    """A service's address and what is shown to it."""

    url: str
    token: str
    ca: str


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--url`, `--token` and `--ca`, which it hands to `run` as `target`."""

    def with_target(*args: Any, url: str, token: str, ca: str, **given: Any) -> Any:
        return command(*args, target=Target(url.rstrip("/"), token, ca), **given)

    with_target.__doc__ = command.__doc__
    with_target.__name__ = command.__name__
    with_target.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for decorate in (
        click.option(
            "--ca",
            default="",
            envvar="PRATIQUE_CA",
            type=click.Path(dir_okay=False),
            help="The authority (PEM) that signed the service's certificate.",
        ),
        click.option("--token", default="", envvar="PRATIQUE_TOKEN", help="A token, in place of a login."),
        click.option(
            "--url",
            default="",
            envvar="PRATIQUE_URL",
            help=f"The service's address; {DEFAULT_URL} without it.",
        ),
    ):
        with_target = decorate(with_target)
    return with_target


def run(target: Target, work: Callable[[ServiceClient], Awaitable[Result]]) -> Result:
    """Run `work` with a signed-in client."""
    # Many commands can ask a service, and most runs of them do not.
    import asyncio

    return asyncio.run(_run(target, work))


def address(target: Target) -> str:
    """Return the address of the service: as given, else of the running installation."""
    if target.url:
        if not re.match(r"https?://[^/]", target.url):
            raise InputError(
                f"`{target.url}` is not the address of a service", hint=f"write it as in {DEFAULT_URL}"
            )
        return target.url
    noted = home.locate().url
    if noted.exists():
        return noted.read_text(encoding="utf-8").strip() or DEFAULT_URL
    return DEFAULT_URL


def client(target: Target, *, token: str = "") -> ServiceClient:
    """Return a client for a target."""
    from pratique.client.service import ServiceClient

    if target.ca and not Path(target.ca).exists():
        raise InputError(f"no such file: `{target.ca}`", hint="give the authority's certificate with --ca")
    return ServiceClient(address(target), token=token, ca=target.ca)


def keep(url: str, answer: dict[str, Any]) -> Path:
    """Keep a session's token for later commands; return the file."""
    path = _path()
    known = _known()
    known[url] = {"token": answer["token"], "expires": answer["expires"]}
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(known, stream, indent=2)
    draft.replace(path)
    return path


async def _run(target: Target, work: Callable[[ServiceClient], Awaitable[Result]]) -> Result:
    url = address(target)
    token = target.token or str(_known().get(url, {}).get("token", ""))
    async with client(target, token=token) as opened:
        if not token:
            await _sign_in_as_owner(opened, url)
        try:
            return await work(opened)
        except DeniedError:
            # A kept token may be over; the owner of the folder gets another one, once.
            if target.token or not token or not await _sign_in_as_owner(opened, url):
                raise
            return await work(opened)


async def _sign_in_as_owner(opened: ServiceClient, url: str) -> bool:
    from pratique.service import local

    root = home.locate().root
    if not url.startswith(LOOPBACK) or not local.exists(root):
        return False
    try:
        keep(url, await opened.login(code=local.sign_in_code(root)))
    except DeniedError:
        return False  # the service behind this address keeps its data elsewhere
    return True


def _path() -> Path:
    return home.locate().root / "credentials.json"


def _known() -> dict[str, dict[str, str]]:
    try:
        found = json.loads(_path().read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
