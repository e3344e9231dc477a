"""What a connection shows to the API server: the TLS context, and the headers that prove who we are.

In: a `Connection`. Out: an `ssl.SSLContext` and, for each request, headers; tokens in files are read
again every minute (kubelets rotate them), exec plugins are asked again when what they gave expires.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pratique.client.kubeconfig import Connection, ExecPlugin, KubeconfigError
from pratique.errors import DeniedError

TOKEN_FILE_SECONDS = 60
PLUGIN_SECONDS = 120


class Credentials:
    """The identity of one connection; not shared between event loops."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._token = connection.token
        self._read_at = 0.0
        self._expires = 0.0
        self._lock = asyncio.Lock()
        self._issued: tuple[str, str] = ("", "")

    async def tls(self) -> ssl.SSLContext | bool:
        """Return the TLS context with our client certificate; False switches verification off for http."""
        connection = self._connection
        if not connection.server.startswith("https://"):
            return False
        if connection.plugin:
            await self._ask(connection.plugin)
        try:
            context = ssl.create_default_context(cadata=connection.ca or None)
            # Clusters' own authorities often lack the extensions that 3.13 made strict checking ask for.
            context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
            if connection.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            certificate, key = (
                self._issued
                if self._issued[0]
                else (
                    connection.client_certificate,
                    connection.client_key,
                )
            )
            if certificate:
                load_pair(context, certificate, key)
        except (ssl.SSLError, ValueError) as error:
            raise KubeconfigError(
                f"kubeconfig `{connection.source}`: the certificates or the key cannot be read: "
                f"{getattr(error, 'reason', '') or error}",
                hint="write the kubeconfig anew",
            ) from None
        return context

    async def headers(self) -> dict[str, str]:
        """Return the headers that authenticate one request."""
        connection = self._connection
        if connection.plugin:
            await self._ask(connection.plugin)
        elif connection.token_file and time.monotonic() - self._read_at > TOKEN_FILE_SECONDS:
            self._token = _token_file(connection.token_file) or self._token
            self._read_at = time.monotonic()
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        if connection.username:
            pair = base64.b64encode(f"{connection.username}:{connection.password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}

    def refresh(self) -> bool:
        """Forget what can be fetched anew after a 401; False when there is nothing to fetch."""
        self._read_at = self._expires = 0.0
        return bool(self._connection.plugin or self._connection.token_file)

    async def _ask(self, plugin: ExecPlugin) -> None:
        async with self._lock:
            if time.time() < self._expires:
                return
            status = await _run(plugin, self._connection.source)
            self._token = str(status.get("token") or "")
            self._issued = (
                str(status.get("clientCertificateData") or ""),
                str(status.get("clientKeyData") or ""),
            )
            self._expires = time.time() + PLUGIN_SECONDS
            if stamp := status.get("expirationTimestamp"):
                # Ten seconds early: what is sent must still be good on arrival.
                self._expires = datetime.fromisoformat(str(stamp)).timestamp() - 10


def _token_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a certificate and its key, both PEM, into a context; raises `ssl.SSLError`."""
    # The ssl module reads pairs from files only; this one is ours alone and gone at once.
    handle, path = tempfile.mkstemp(prefix="pratique-", suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(certificate.rstrip() + "\n" + key)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink(missing_ok=True)


async def _run(plugin: ExecPlugin, source: str) -> dict[str, Any]:
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = os.environ | dict(plugin.env) | {"KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}
    command = plugin.command
    if "/" in command and not command.startswith("/"):
        command = str(Path(plugin.folder) / command)
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *plugin.args,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise KubeconfigError(
            f"kubeconfig `{source}`: cannot run `{plugin.command}`: {error.strerror}",
            hint=plugin.install_hint or "install it, or use a token or a client certificate",
        ) from None
    output, complaint = await process.communicate()
    if process.returncode:
        raise DeniedError(
            f"`{plugin.command}` failed with status {process.returncode}: "
            f"{complaint.decode(errors='replace').strip()[:400]}",
            hint=plugin.install_hint or "sign in with that program first",
        )
    try:
        document = orjson.loads(output)
        status = document["status"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise KubeconfigError(
            f"kubeconfig `{source}`: `{plugin.command}` did not print an ExecCredential",
            hint="run it by hand and look at its output",
        ) from None
    return status if isinstance(status, dict) else {}
