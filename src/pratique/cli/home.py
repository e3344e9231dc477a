"""Where an installation keeps what it must not lose: `$PRATIQUE_HOME`, and the names of the things in it.

The folder is made with mode 0700; nothing outside of it is ever written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pratique.errors import InputError


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of the embedded cluster."""
        return self.root / "kubeconfig"

    @property
    def cluster(self) -> Path:
        """Return the folder in which the embedded cluster keeps its objects."""
        return self.root / "cluster"

    @property
    def roots(self) -> Path:
        """Return the bundle that az trusts: the system's roots and ours."""
        return self.root / "roots.pem"

    @property
    def azure(self) -> Path:
        """Return the folder that AZURE_CONFIG_DIR names."""
        return self.root / "azure"

    @property
    def bin(self) -> Path:
        """Return the folder of links to the clients."""
        return self.root / "bin"

    @property
    def url(self) -> Path:
        """Return the file that holds the address of the service that runs, for the other commands."""
        return self.root / "url"

    @property
    def lock(self) -> Path:
        """Return the file that the running `pratique up` holds locked."""
        return self.root / "lock"


def locate() -> Home:
    """Return the installation that `$PRATIQUE_HOME` names, by default `~/.local/share/pratique`.

    Raises InputError when the folder cannot be made private to this user.
    """
    given = os.environ.get("PRATIQUE_HOME")
    root = Path(given).expanduser().absolute() if given else Path.home() / ".local/share/pratique"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root.stat().st_mode & 0o077:
            root.chmod(0o700)
    except OSError as error:
        raise InputError(
            f"`{root}` cannot be used: {error.strerror or error}",
            hint="set PRATIQUE_HOME to a folder that you own",
        ) from error
    return Home(root)
