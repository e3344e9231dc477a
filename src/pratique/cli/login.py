"""`pratique login`: get a token and keep it, or make new credentials for lost ones."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import home, output, session
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.service import Credentials


@click.command()
@click.option("--username", default="admin", show_default=True, help="Who signs in.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--code", default="", help="The code of a one-time sign-in link.")
@click.option("--link", is_flag=True, help="Print a new one-time sign-in link for the portal.")
@click.option("--reset", is_flag=True, help="Make a new password and a new service principal secret.")
@session.options
@output.option
def login(
    *,
    username: str,
    password_stdin: bool,
    code: str,
    link: bool,
    reset: bool,
    target: session.Target,
    output_format: str,
) -> None:
    """Sign in to a service and keep the token for later commands.

    On the machine and as the user that run the service, no login is needed; `--reset` cures lost
    credentials there, whether or not the service is running.
    """
    if reset + link + bool(code) + password_stdin > 1:
        raise click.UsageError("--reset, --link, --code and --password-stdin exclude each other")
    if reset:
        _show_credentials(_reset(), output_format)
        return
    if link:
        url = f"{session.address(target)}/login?code={_link()}"
        output.show({"url": url}, output_format, columns=[("SIGN-IN LINK (once, within ten minutes)", "url")])
        return
    password = "" if code else _password(username, from_stdin=password_stdin)
    answer = asyncio.run(_sign_in(target, username=username, password=password, code=code))
    kept = session.keep(session.address(target), answer)
    if output_format == "table":
        output.note(f"signed in as {answer['user']['username']}, kept in {kept}")
    else:
        output.show({"user": answer["user"], "expires": answer["expires"]}, output_format)


async def _sign_in(target: session.Target, *, username: str, password: str, code: str) -> dict[str, Any]:
    async with session.client(target) as client:
        if code:
            return await client.login(code=code)
        return await client.login(username=username, password=password)


def _password(username: str, *, from_stdin: bool) -> str:
    if from_stdin:
        found = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        found = str(click.prompt(f"Password of {username}", hide_input=True, err=True))
    else:
        raise InputError(
            "there is no terminal to ask for the password", hint="use --password-stdin or --code"
        )
    if not found:
        raise InputError("the password is empty", hint="`pratique login --reset` makes a new one")
    return found


def _reset() -> Credentials:
    from pratique.service import local

    return local.reset(home.locate().root)


def _link() -> str:
    from pratique.service import local

    return local.sign_in_code(home.locate().root)


def _show_credentials(made: Credentials, output_format: str) -> None:
    if output_format != "table":
        output.show(document(made), output_format)
        return
    click.echo(describe(made))


def document(made: Credentials) -> dict[str, str]:
    """Return new credentials as data."""
    return {
        "username": made.username,
        "password": made.password,
        "clientId": made.client_id,
        "clientSecret": made.client_secret,
        "tenant": made.tenant,
    }


def describe(made: Credentials) -> str:
    """Return new credentials as the text that is shown once."""
    return (
        "New credentials, shown once; the old ones no longer work:\n"
        f"  user     {made.username}\n"
        f"  password {made.password}\n"
        f"  az       az login --service-principal -u {made.client_id} -p {made.client_secret}"
        f" --tenant {made.tenant}"
    )
