"""What an agent process is told: its flags (Gatekeeper's names) and the pod's environment.

In: command line values and environment variables. Out: one frozen `Settings`, made once at the start and
passed on; nothing reads the environment later.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from pratique.client.addon.manifests import SERVICE_ACCOUNT
from pratique.errors import InputError

OPERATIONS = ("webhook", "mutation-webhook", "audit", "sync", "status")
NAMESPACE = "pratique-system"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Service:
    """The service that manages this cluster; absent, the agent is a Gatekeeper of its own."""

    url: str
    cluster: str
    token: str = field(default="", repr=False)
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an agent process is told."""

    operations: frozenset[str] = frozenset(OPERATIONS)
    pod_name: str = ""
    namespace: str = NAMESPACE
    host: str = ""
    port: int = 8443
    health_port: int = 9090
    metrics_port: int = 8888
    audit_interval: int = 60
    violations_limit: int = 20
    chunk_size: int = 500
    exempt_namespaces: tuple[str, ...] = ()
    exempt_prefixes: tuple[str, ...] = ()
    exempt_suffixes: tuple[str, ...] = ()
    log_denies: bool = False
    log_mutations: bool = False
    annotate_mutations: bool = False
    expand: bool = True
    external_data: bool = True
    external_data_seconds: float = 180.0
    validate_enforcement_action: bool = True
    certificate_secret: str = "pratique-webhook-server-cert"  # noqa: S105 (the name of a Secret)
    webhook_service: str = "pratique-webhook-service"
    webhook_configuration: str = "gatekeeper-validating-webhook-configuration"
    mutating_configuration: str = "gatekeeper-mutating-webhook-configuration"
    rotate_certificates: bool = True
    certificate_folder: str = "/certs"
    shutdown_delay: float = 3.0
    log_level: str = "INFO"
    kubeconfig: str = ""
    context: str = ""
    service: Service | None = None

    @property
    def admin(self) -> str:
        """Return the user whose requests nobody judges or mutates."""
        return f"system:serviceaccount:{self.namespace}:{SERVICE_ACCOUNT}"

    def does(self, operation: str) -> bool:
        """Tell whether this process has the role."""
        return operation in self.operations

    def exempt(self, namespace: str) -> bool:
        """Tell whether a namespace may carry the label that switches enforcement off."""
        return (
            namespace == self.namespace
            or namespace in self.exempt_namespaces
            or any(namespace.startswith(prefix) for prefix in self.exempt_prefixes)
            or any(namespace.endswith(suffix) for suffix in self.exempt_suffixes)
        )


def service_from(environ: Mapping[str, str] | None = None) -> Service | None:
    """Read the service's address, token and authority; None without `PRATIQUE_SERVICE_URL`.

    Raises InputError when the address is there and the rest is not.
    """
    env = os.environ if environ is None else environ
    url = env.get("PRATIQUE_SERVICE_URL", "")
    if not url:
        return None
    cluster = env.get("PRATIQUE_CLUSTER", "")
    if not cluster:
        raise InputError(
            f"PRATIQUE_SERVICE_URL is `{url}`, but PRATIQUE_CLUSTER is empty",
            hint="set it to the cluster's name at the service, or enable the add-on anew",
        )
    return Service(
        url, cluster, token=env.get("PRATIQUE_SERVICE_TOKEN", ""), ca=env.get("PRATIQUE_SERVICE_CA", "")
    )


def pod_from(environ: Mapping[str, str] | None = None) -> tuple[str, str, str]:
    """Return the pod's name, namespace and address as the downward API gives them."""
    env = os.environ if environ is None else environ
    return (
        env.get("POD_NAME") or socket.gethostname(),
        env.get("POD_NAMESPACE") or NAMESPACE,
        env.get("POD_IP", ""),
    )


def seconds_of(duration: str, *, flag: str) -> float:
    """Return the seconds of `3m` or `1h30m`, as Go writes durations. Raises InputError naming the flag."""
    text = duration.strip()
    found = _DURATION.findall(text)
    if text == "0":
        return 0.0
    if not found or "".join(number + unit for number, unit in found) != text:
        raise InputError(f"{flag} is `{duration}`, which is no duration", hint="write it as `3m` or `90s`")
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def port_of(address: str, *, flag: str) -> int:
    """Return the port of `:9090` or `host:9090`. Raises InputError naming the flag."""
    text = address.rpartition(":")[2]
    if not text.isdecimal() or not 0 <= int(text) < 65536:
        raise InputError(f"{flag} is `{address}`, which names no port", hint="write it as `:9090`")
    return int(text)
