"""The add-on: what a cluster gets to be managed, and the functions that put it there.

`manifests` says what is applied, `crds` defines Gatekeeper's kinds, `install` applies, removes, reports.
"""

from pratique.client.addon.install import (
    Pod,
    Status,
    disable,
    enable,
    is_established,
    is_managed,
    status,
    wait_ready,
)
from pratique.client.addon.manifests import IMAGE, NAMESPACE, WEBHOOK_SERVICE, AddonSettings, manifests

__all__ = [
    "IMAGE",
    "NAMESPACE",
    "WEBHOOK_SERVICE",
    "AddonSettings",
    "Pod",
    "Status",
    "disable",
    "enable",
    "is_established",
    "is_managed",
    "manifests",
    "status",
    "wait_ready",
]
