"""What `docker login` keeps, read as docker, oras and others do: `config.json` and credential helpers.

In: a registry's name. Out: the login for it, empty when there is none.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# What docker calls its own registry.
_ALIASES: Final = {
    "docker.io": "https://index.docker.io/v1/",
    "registry-1.docker.io": "https://index.docker.io/v1/",
}
_HELPER_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password, or an identity token."""

    user: str = ""
    password: str = ""
    token: str = ""

    @property
    def basic(self) -> str:
        """Return the header of basic authentication, empty without a user."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def login(registry: str) -> Login:
    """Return the login for a registry; a config that cannot be read counts as none."""
    config = _config()
    key = _ALIASES.get(registry, registry)
    helper = _object(config, "credHelpers").get(registry) or config.get("credsStore")
    if isinstance(helper, str) and (found := _ask(helper, key)):
        return found
    entries = _object(config, "auths")
    entry = next(
        (entries[name] for name in (key, f"https://{key}", f"http://{key}") if name in entries), None
    )
    return _entry(entry) if isinstance(entry, dict) else Login()


def _config() -> dict[str, Any]:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    try:
        found = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _object(config: dict[str, Any], key: str) -> dict[str, Any]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def _entry(entry: dict[str, Any]) -> Login:
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(entry["auth"])).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Login()
    return Login(user, password, str(entry.get("identitytoken") or ""))


def _ask(helper: str, key: str) -> Login | None:
    """Return what a credential helper (`docker-credential-NAME get`) knows."""
    try:
        done = subprocess.run(  # noqa: S603  # the user's own configuration names it
            [f"docker-credential-{os.path.basename(helper)}", "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
        )
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if not isinstance(found, dict) or not found.get("Secret"):
        return None
    user, secret = str(found.get("Username") or ""), str(found["Secret"])
    return Login(token=secret) if user == "<token>" else Login(user, secret)
