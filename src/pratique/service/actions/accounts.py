"""Who may come in: the first credentials, signing in, what a token stands for, and what a role may do."""

from __future__ import annotations

import functools
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from pratique.service.actions import tokens
from pratique.service.actions.context import ADMIN, AGENT, SYSTEM, Actor, Context
from pratique.service.db import accounts
from pratique.service.db.store import timestamp
from pratique.service.errors import NotAllowedError, NotSignedInError, TooManyAttemptsError
from pratique.service.settings import Credentials

ADMIN_NAME = "admin"
SESSION = timedelta(hours=12)
LINK = timedelta(minutes=10)
ATTEMPTS, WINDOW = 8, 60.0  # failed sign-ins of one name before it has to wait

CURE = "`pratique login --reset` makes new credentials on the machine that runs the service"


def bootstrap(connection: Connection, *, tenant: str) -> Credentials | None:
    """Make the administrator and the service principal of a first start; None when they are there."""
    if accounts.get_user(connection, ADMIN_NAME) is not None:
        return None
    return reset(connection, tenant=tenant)


def reset(connection: Connection, *, tenant: str) -> Credentials:
    """Give the administrator a new password and the service principal a new secret; end old sessions."""
    password, secret = tokens.new_password(), tokens.new_secret()
    accounts.put_user(connection, ADMIN_NAME, password_hash=tokens.hash_password(password), role=ADMIN)
    accounts.remove_tokens_of(connection, ADMIN_NAME)
    known = accounts.first_principal(connection)
    client_id = known["client_id"] if known else str(uuid.uuid4())
    accounts.put_principal(
        connection, client_id, name="az", secret_hash=tokens.hash_secret(secret), role=ADMIN
    )
    return Credentials(ADMIN_NAME, password, client_id, secret, tenant)


def reset_credentials(context: Context) -> Credentials:
    """Cure lost credentials, leaving a trace in the activity log."""
    with context.store.write() as connection:
        made = reset(connection, tenant=context.world.tenant)
        context.log(connection, SYSTEM, operation="credentials/reset", target=made.username)
    return made


def new_link(context: Context) -> str:
    """Return the code of a one-time sign-in link for the administrator."""
    code = tokens.new_secret()
    expires = link_end()
    with context.store.write() as connection:
        accounts.remove_expired(connection, timestamp())
        accounts.add_link(connection, tokens.hash_secret(code), user=ADMIN_NAME, expires_at=expires)
    return code


def link_end() -> str:
    """Return when a link that is made now stops working."""
    return _later(LINK)


def login(context: Context, *, username: str, password: str) -> dict[str, Any]:
    """Sign a user in with a password."""
    name = username.strip().lower()
    _slow_down(context, name)
    with context.store.read() as connection:
        user = accounts.get_user(connection, name)
    # The same work whether or not the name exists, so that time does not tell names.
    stored = user["password_hash"] if user else _nobody()
    if not tokens.same_password(password, stored) or user is None:
        context.attempts.setdefault(name, []).append(time.monotonic())
        raise NotSignedInError("wrong user name or password", hint=CURE)
    context.attempts.pop(name, None)
    return _session(context, name, user["role"])


def login_with_link(context: Context, code: str) -> dict[str, Any]:
    """Sign in with a one-time link, which is used up."""
    with context.store.write() as connection:
        name = accounts.take_link(connection, tokens.hash_secret(code), now=timestamp())
        user = accounts.get_user(connection, name) if name else None
    if name is None or user is None:
        raise NotSignedInError(
            "this sign-in link was used or is older than ten minutes",
            hint="start again for a new link, sign in with the password, or run `pratique login --reset`",
        )
    return _session(context, name, user["role"])


def logout(context: Context, actor: Actor) -> None:
    """End the session of the token that was shown."""
    with context.store.write() as connection:
        accounts.remove_token(connection, actor.token_hash)
        context.log(connection, actor, operation="session/end", target=actor.name)


def agent_token(context: Context, actor: Actor, cluster: str) -> str:
    """Return a new token for the agent of a cluster; the old ones stop working."""
    token = tokens.new_secret(tokens.PREFIXES["agent"])
    name = cluster.lower()
    with context.store.write() as connection:
        accounts.remove_agent_tokens(connection, name)
        accounts.add_token(
            connection,
            hash=tokens.hash_secret(token),
            kind="agent",
            subject=f"agent of {cluster}",
            role=AGENT,
            cluster=name,
            expires_at=None,
        )
        context.log(
            connection, actor, operation="clusters/token/write", target=context.world.cluster_id(cluster)
        )
    return token


def principal_token(
    context: Context, *, client_id: str, secret: str, audience: str, issuer: str
) -> dict[str, Any]:
    """Return the token endpoint's answer for a service principal."""
    _slow_down(context, client_id)
    with context.store.read() as connection:
        principal = accounts.get_principal(connection, client_id)
    if principal is None or not tokens.same_secret(secret, principal["secret_hash"]):
        context.attempts.setdefault(client_id, []).append(time.monotonic())
        raise NotSignedInError("wrong client id or client secret", hint=CURE)
    token = context.signer.sign(
        client_id=principal["client_id"], tenant=context.world.tenant, audience=audience, issuer=issuer
    )
    return {
        "token_type": "Bearer",
        "expires_in": tokens.LIFETIME,
        "ext_expires_in": tokens.LIFETIME,
        "access_token": token,
    }


def authenticate(context: Context, token: str) -> Actor:
    """Return who a bearer token stands for.

    Raises NotSignedInError when it stands for nobody.
    """
    if not token:
        raise NotSignedInError(
            "this needs a token: send `Authorization: Bearer TOKEN`", hint="`pratique login` gets one"
        )
    if token.count(".") == 2:
        return _principal(context, token)
    token_hash = tokens.hash_secret(token)
    with context.store.read() as connection:
        row = accounts.get_token(connection, token_hash)
    if row is None:
        raise NotSignedInError("this token is not known (any more)", hint="sign in again: `pratique login`")
    if row["expires_at"] is not None and row["expires_at"] <= timestamp():
        raise NotSignedInError("this token has expired", hint="sign in again: `pratique login`")
    kind = "Agent" if row["kind"] == "agent" else "User"
    return Actor(row["subject"], kind, row["role"], row["cluster"], token_hash)


def require(actor: Actor, *roles: str) -> None:
    """Raise NotAllowedError unless the actor has one of the roles."""
    if actor.role not in roles:
        raise NotAllowedError(
            f"`{actor.name}` may not do this: it needs the role {' or '.join(roles)}",
            hint="ask an administrator",
        )


def require_cluster(actor: Actor, cluster: str) -> None:
    """Raise NotAllowedError when an agent asks for another cluster than its own."""
    if actor.role == AGENT and actor.cluster != cluster.lower():
        raise NotAllowedError(
            f"this token belongs to the agent of cluster `{actor.cluster}`",
            hint=f"use a token for `{cluster}`: `pratique addon enable` makes one",
        )


def _principal(context: Context, token: str) -> Actor:
    claims = context.signer.read(token)
    if claims is None:
        over = context.signer.expired(token)
        message = "this token has expired" if over else "this token was not signed by this service"
        raise NotSignedInError(
            message, hint="sign in again: `az login --service-principal` or `pratique login`"
        )
    with context.store.read() as connection:
        principal = accounts.get_principal(connection, claims.client_id)
    if principal is None:
        raise NotSignedInError("this service principal is gone", hint=CURE)
    return Actor(principal["client_id"], "Application", principal["role"])


def _session(context: Context, name: str, role: str) -> dict[str, Any]:
    token, expires = tokens.new_secret(tokens.PREFIXES["session"]), _later(SESSION)
    with context.store.write() as connection:
        accounts.remove_expired(connection, timestamp())
        accounts.add_token(
            connection,
            hash=tokens.hash_secret(token),
            kind="session",
            subject=name,
            role=role,
            cluster="",
            expires_at=expires,
        )
        context.log(connection, Actor(name, "User", role), operation="session/start", target=name)
    return {"token": token, "expires": expires, "user": {"username": name, "role": role}}


def _slow_down(context: Context, name: str) -> None:
    now = time.monotonic()
    recent = [at for at in context.attempts.get(name, ()) if now - at < WINDOW]
    if name in context.attempts:
        context.attempts[name] = recent
    if len(context.attempts) > 10_000:
        context.attempts.clear()
    if len(recent) >= ATTEMPTS:
        raise TooManyAttemptsError(
            "too many failed sign-ins with this name", hint=f"wait {WINDOW:.0f} seconds, or {CURE}"
        )


@functools.cache
def _nobody() -> str:
    return tokens.hash_password(tokens.new_password())


def _later(span: timedelta) -> str:
    return (datetime.now(UTC) + span).isoformat(timespec="microseconds").replace("+00:00", "Z")
