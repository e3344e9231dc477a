"""What the owner of an installation may do without a token, because its folder is theirs.

In: the folder. Out: new credentials, or a one-time code. It works beside a running service: both meet in
the database.
"""

from __future__ import annotations

from pathlib import Path

from pratique.errors import NotFoundError
from pratique.service.actions import accounts, tokens
from pratique.service.actions.context import SYSTEM
from pratique.service.db import accounts as rows
from pratique.service.db import journal
from pratique.service.db.store import Store, timestamp
from pratique.service.settings import Credentials, Settings


def exists(state_dir: Path) -> bool:
    """Tell whether a service has kept its data in this folder."""
    return Settings(state_dir=state_dir).database.exists()


def reset(state_dir: Path) -> Credentials:
    """Give the administrator a new password and the service principal a new secret.

    Raises NotFoundError when no service has run from this folder.
    """
    store = _open(state_dir)
    try:
        with store.write() as connection:
            tenant = rows.get_fact(connection, "tenant") or ""
            made = accounts.reset(connection, tenant=tenant)
            journal.log(
                connection,
                actor=SYSTEM.name,
                actor_type=SYSTEM.type,
                operation="credentials/reset",
                target=made.username,
            )
        return made
    finally:
        store.close()


def sign_in_code(state_dir: Path) -> str:
    """Return a one-time code for the administrator, good for ten minutes.

    Raises NotFoundError when no service has run from this folder.
    """
    store = _open(state_dir)
    try:
        code = tokens.new_secret()
        with store.write() as connection:
            rows.remove_expired(connection, timestamp())
            rows.add_link(
                connection, tokens.hash_secret(code), user=accounts.ADMIN_NAME, expires_at=accounts.link_end()
            )
        return code
    finally:
        store.close()


def _open(state_dir: Path) -> Store:
    if not exists(state_dir):
        raise NotFoundError(
            f"no service has run from `{state_dir}`",
            hint="start one with `pratique up`, or set PRATIQUE_HOME to its folder",
        )
    store = Store(Settings(state_dir=state_dir).database)
    store.open()
    return store
