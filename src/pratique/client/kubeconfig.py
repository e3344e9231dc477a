"""How to reach a Kubernetes API server: kubeconfig files, or the pod's own service account.

In: paths, a context's name, the environment. Out: one `Connection`, all files read and decoded. Knows
nothing of HTTP; `client.kube` turns a connection into a session. Nothing is ever written here.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pratique.errors import InputError, NotFoundError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that prints an `ExecCredential` (client-go credential plugins)."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """An API server's address and what we show it; certificates and keys are PEM text."""

    server: str
    ca: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    client_certificate: str = ""
    client_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    plugin: ExecPlugin | None = None
    namespace: str = "default"
    proxy: str = ""
    source: str = ""
    context: str = ""


class KubeconfigError(InputError):
    """A kubeconfig that cannot be used; the message names the file."""


def default_paths(environ: Mapping[str, str] | None = None) -> list[Path]:
    """Return the files that kubectl would read: `$KUBECONFIG`'s list, else `~/.kube/config`."""
    env = os.environ if environ is None else environ
    if listed := [Path(part) for part in env.get("KUBECONFIG", "").split(os.pathsep) if part]:
        return listed
    return [Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"]


def load(path: str | Path | None = None, *, context: str = "") -> Connection:
    """Read `path`, or kubectl's default files merged as kubectl merges them: the first word counts.

    Raises KubeconfigError or NotFoundError, each naming the file and the cure.
    """
    files = [Path(path)] if path else default_paths()
    documents = [(file, _read(file)) for file in files if path or file.exists()]
    if not documents:
        raise NotFoundError(
            f"no kubeconfig at `{os.pathsep.join(map(str, files))}`",
            hint='give --kubeconfig FILE, set KUBECONFIG, or run `eval "$(pratique env)"`',
        )
    named: dict[str, dict[str, tuple[Path, dict[str, Any]]]] = {"clusters": {}, "contexts": {}, "users": {}}
    current = context
    for file, document in documents:
        current = current or document.get("current-context") or ""
        for section, singular in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            for name, body in _entries(file, document, section, singular):
                named[section].setdefault(name, (file, body))
    return _resolve(documents[0][0], named, current)


def in_cluster(environ: Mapping[str, str] | None = None) -> Connection:
    """Return the connection of a pod: its service account and `KUBERNETES_SERVICE_HOST`.

    `KUBERNETES_SERVICEACCOUNT_DIR` names another folder than the usual one.
    Raises NotFoundError outside of a cluster.
    """
    env = os.environ if environ is None else environ
    folder = Path(env.get("KUBERNETES_SERVICEACCOUNT_DIR") or SERVICE_ACCOUNT)
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").exists():
        raise NotFoundError(
            f"not inside a cluster: KUBERNETES_SERVICE_HOST is `{host}`, and there is "
            f"{'a' if (folder / 'token').exists() else 'no'} token in `{folder}`",
            hint="give --kubeconfig FILE to run outside of one",
        )
    namespace = folder / "namespace"
    return Connection(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=_text(folder / "ca.crt") if (folder / "ca.crt").exists() else "",
        token_file=str(folder / "token"),
        namespace=_text(namespace).strip() if namespace.exists() else "default",
        source=str(folder),
    )


def discover(path: str | Path | None = None, *, context: str = "") -> Connection:
    """Return the connection of `path`; without one the pod's own, else that of kubectl's default files."""
    if path or context or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return load(path, context=context)
    try:
        return in_cluster()
    except NotFoundError:
        return load()


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(_text(file), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", "") or "not YAML"
        raise KubeconfigError(
            f"kubeconfig `{file}`{place} is not YAML: {problem}",
            hint="repair the file, or give another with --kubeconfig",
        ) from None
    if not isinstance(document, dict) or not any(
        key in document for key in ("clusters", "contexts", "users")
    ):
        if document in (None, {}) or (isinstance(document, dict) and document.get("kind") == "Config"):
            return {}
        raise KubeconfigError(
            f"`{file}` is not a kubeconfig: it has no clusters, contexts or users",
            hint="give the file that kubectl uses with --kubeconfig",
        )
    return document


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"no such file: `{file}`", hint="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KubeconfigError(f"cannot read `{file}`: {reason}", hint="check the file and its mode") from None


def _entries(
    file: Path, document: dict[str, Any], section: str, singular: str
) -> list[tuple[str, dict[str, Any]]]:
    entries = document.get(section) or []
    if not isinstance(entries, list):
        raise KubeconfigError(f"kubeconfig `{file}`: `{section}` is not a list", hint="repair the file")
    found = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise KubeconfigError(
                f"kubeconfig `{file}`: `{section}[{index}]` has no name", hint="repair the file"
            )
        body = entry.get(singular) or {}
        if not isinstance(body, dict):
            raise KubeconfigError(
                f"kubeconfig `{file}`: `{section}[{index}].{singular}` is not a map", hint="repair the file"
            )
        found.append((entry["name"], body))
    return found


def _resolve(
    first: Path, named: dict[str, dict[str, tuple[Path, dict[str, Any]]]], current: str
) -> Connection:
    if not current:
        if len(named["contexts"]) != 1:
            raise KubeconfigError(
                f"kubeconfig `{first}` has no current context",
                hint=f"give --context, one of: {', '.join(sorted(named['contexts'])) or 'none is defined'}",
            )
        current = next(iter(named["contexts"]))
    if current not in named["contexts"]:
        raise KubeconfigError(
            f"kubeconfig `{first}` has no context `{current}`",
            hint=f"give --context, one of: {', '.join(sorted(named['contexts'])) or 'none is defined'}",
        )
    file, context = named["contexts"][current]
    cluster_name, user_name = context.get("cluster", ""), context.get("user", "")
    if cluster_name not in named["clusters"]:
        raise KubeconfigError(
            f"kubeconfig `{file}`: context `{current}` names a missing cluster, `{cluster_name}`",
            hint=f"clusters are: {', '.join(sorted(named['clusters'])) or 'none'}",
        )
    if user_name and user_name not in named["users"]:
        raise KubeconfigError(
            f"kubeconfig `{file}`: context `{current}` names a missing user, `{user_name}`",
            hint=f"users are: {', '.join(sorted(named['users'])) or 'none'}",
        )
    cluster_file, cluster = named["clusters"][cluster_name]
    user_file, user = named["users"].get(user_name, (file, {}))
    server = str(cluster.get("server") or "")
    if not server.startswith(("http://", "https://")):
        raise KubeconfigError(
            f"kubeconfig `{cluster_file}`: cluster `{cluster_name}` has the server `{server}`",
            hint="write an address that begins with https://",
        )
    token_file = user.get("tokenFile") or ""
    return Connection(
        server=server.rstrip("/"),
        ca=_material(cluster_file, cluster, "certificate-authority"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=cluster.get("tls-server-name") or "",
        proxy=cluster.get("proxy-url") or "",
        client_certificate=_material(user_file, user, "client-certificate"),
        client_key=_material(user_file, user, "client-key"),
        token=user.get("token") or "",
        token_file=str(_beside(user_file, token_file)) if token_file else "",
        username=user.get("username") or "",
        password=user.get("password") or "",
        plugin=_plugin(user_file, user_name, user),
        namespace=context.get("namespace") or "default",
        source=str(file),
        context=current,
    )


def _material(file: Path, section: dict[str, Any], key: str) -> str:
    if data := section.get(f"{key}-data"):
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, TypeError, ValueError):
            raise KubeconfigError(
                f"kubeconfig `{file}`: `{key}-data` is not base64 of PEM", hint="write the file anew"
            ) from None
    if path := section.get(key):
        return _text(_beside(file, path))
    return ""


def _beside(file: Path, path: str) -> Path:
    """Relative paths count from the kubeconfig's own folder (kubernetes.io/docs, "File references")."""
    return file.parent / Path(path)


def _plugin(file: Path, user_name: str, user: dict[str, Any]) -> ExecPlugin | None:
    if user.get("auth-provider"):
        raise KubeconfigError(
            f"kubeconfig `{file}`: user `{user_name}` uses an auth-provider, gone since 1.26",
            hint="use an exec plugin such as kubelogin, a token or a client certificate",
        )
    section = user.get("exec")
    if not section:
        return None
    if not isinstance(section, dict) or not section.get("command"):
        raise KubeconfigError(
            f"kubeconfig `{file}`: user `{user_name}`: exec has no command", hint="repair the file"
        )
    return ExecPlugin(
        command=section["command"],
        args=tuple(str(argument) for argument in section.get("args") or ()),
        env=tuple((str(entry["name"]), str(entry["value"])) for entry in section.get("env") or ()),
        api_version=section.get("apiVersion") or "client.authentication.k8s.io/v1",
        install_hint=section.get("installHint") or "",
        folder=str(file.parent),
    )
