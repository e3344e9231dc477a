"""How the service reaches a cluster: the kubeconfig that was stored with it, checked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pratique.client import kubeconfig
from pratique.client.kubeconfig import Connection
from pratique.errors import InputError, NotFoundError
from pratique.service.errors import RequestError


def read_kubeconfig(text: str) -> Connection:
    """Return the connection that a stored kubeconfig describes.

    Raises InputError when it cannot be used, and when it would run a program on this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kubeconfig"
        descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        try:
            connection = kubeconfig.load(file)
        except (InputError, NotFoundError) as error:
            message = error.message.replace(f"`{file}` ", "").replace(str(file), "kubeconfig")
            raise RequestError(
                message, code="InvalidKubeconfig", target="kubeconfig", hint=error.hint
            ) from error
    if connection.plugin is not None:
        raise RequestError(
            "a kubeconfig that runs a program (`exec`) cannot be stored with a cluster",
            code="InvalidKubeconfig",
            target="kubeconfig",
            hint="use one with a token or a client certificate",
        )
    return connection
