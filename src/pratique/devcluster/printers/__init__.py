"""The columns and cells of `kubectl get` for built-in kinds, as kube-apiserver prints them.

In come a group and kind (`columns`) or an object and the present time (`cells`), out go a Table's column
definitions and one row's cells in the same order, columns of priority 1 (`-o wide`) included. Kinds that are
not built in give None: the caller prints NAME and AGE, or the definition's own columns. Pure: nothing here
looks at a clock, at other objects or at the request.

Source: `pkg/printers/internalversion/printers.go` of Kubernetes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers import access, admission, core, network, storage, workloads
from pratique.devcluster.printers.columns import Printer
from pratique.devcluster.printers.texts import age, human_duration

__all__ = ["age", "cells", "columns", "human_duration"]

_PRINTERS: dict[tuple[str, str], Printer] = {
    **access.PRINTERS,
    **admission.PRINTERS,
    **core.PRINTERS,
    **network.PRINTERS,
    **storage.PRINTERS,
    **workloads.PRINTERS,
}


def columns(group: str, kind: str) -> list[dict[str, Any]] | None:
    """Return the Table's column definitions of a built-in kind, or None for other kinds."""
    printer = _PRINTERS.get((group, kind))
    return None if printer is None else printer.columns


def cells(obj: dict[str, Any], now: datetime) -> list[Any]:
    """Return one row's cells; NAME and AGE for a kind that is not built in."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    printer = _PRINTERS.get((group, str(obj.get("kind", ""))))
    metadata = obj.get("metadata") or {}
    if printer is None:
        return [metadata.get("name", ""), age(metadata.get("creationTimestamp"), now)]
    return printer.cells(obj, now)
