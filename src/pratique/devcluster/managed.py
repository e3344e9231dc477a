"""Who manages which field: `metadata.managedFields`, kept on every write, and server-side apply on top.

In come the object before and after, its shape and the manager; out go new entries, or the applied object,
or a refusal that names each conflict. Nothing is admitted, validated or stored here.

Source: `apimachinery/pkg/util/managedfields`, `structured-merge-diff/merge/update.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from pratique.devcluster import fieldsets
from pratique.devcluster.fieldsets import Paths
from pratique.devcluster.shapes import Shape
from pratique.kube import status

Object = dict[str, Any]
KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Manager:
    """One writer: its name, whether it applies or updates, in which version, and through what."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def described(self) -> str:
        """Return the manager as conflicts print it."""
        if self.operation == "Apply":
            return f'"{self.name}"'
        through = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.name}"{through} using {self.api_version}'


@dataclass(frozen=True, slots=True)
class Share:
    """What one manager owns, and since when."""

    paths: Paths
    time: str


Shares = dict[Manager, Share]


def read(obj: Object) -> Shares:
    """Return the shares that an object records."""
    found: Shares = {}
    for entry in obj.get("metadata", {}).get("managedFields") or []:
        if not isinstance(entry, dict) or not entry.get("operation"):
            continue
        manager = Manager(
            entry.get("manager", ""),
            entry["operation"],
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )
        found[manager] = Share(fieldsets.read(entry.get("fieldsV1")), entry.get("time", ""))
    return found


def write(shares: Shares) -> list[Object]:
    """Return shares as `managedFields`: those who apply first, then by time."""
    entries = []
    order = sorted(shares.items(), key=lambda pair: (pair[0].operation, pair[1].time, pair[0].name))
    for manager, share in order:
        if not share.paths:
            continue
        entry = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": share.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.write(share.paths),
        }
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def after_update(old: Object, new: Object, shape: Shape, *, manager: Manager, now: str) -> list[Object]:
    """Return the entries after a create, an update or a patch by a manager."""
    given = new.get("metadata", {}).get("managedFields")
    shares = read(old) if not given else read(new)
    changed, removed = fieldsets.compare(_plain(old), _plain(new), shape)
    if not changed and not removed:
        return write(shares)
    result: Shares = {}
    for other, share in shares.items():
        if other != manager:
            result[other] = replace(share, paths=share.paths - changed - removed)
    mine = shares.get(manager)
    paths = ((mine.paths if mine else fieldsets.NONE) - removed) | changed
    result[manager] = Share(paths, now)
    return write(result)


def _plain(obj: Object) -> Object:
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply: the object, and the entries that its managed fields become."""

    object: Object
    shares: Shares
    manager: Manager


def apply(live: Object, config: Object, shape: Shape, *, manager: Manager, force: bool) -> Applied:
    """Lay a configuration over the live object; raise a Conflict that names the fields of others."""
    shares = read(live)
    last = last_applied(live) if manager.name == KUBECTL else None
    wanted = fieldsets.of(config, shape)
    merged = fieldsets.merge(_plain(live), _plain(config), shape)
    before = shares.get(manager)
    if before is not None:
        kept = wanted.union(*(share.paths for other, share in shares.items() if other != manager))
        gone = frozenset(path for path in before.paths - kept if not _holds(path, kept))
        merged = fieldsets.drop(merged, shape, gone)
    changed, removed = fieldsets.compare(_plain(live), merged, shape)
    conflicts = [
        (other, path)
        for other, share in shares.items()
        if other != manager
        for path in sorted(share.paths & changed)
    ]
    if conflicts and not force:
        # kubectl may take over from its own client-side apply what that had set.
        allowed = fieldsets.NONE if last is None else fieldsets.of(last, shape)
        conflicts = [(other, path) for other, path in conflicts if path not in allowed]
        if conflicts:
            raise _conflict(conflicts)
    if last is not None:
        merged = _with_last_applied(merged, config)
    result: Shares = {}
    for other, share in shares.items():
        if other != manager:
            result[other] = replace(share, paths=share.paths - changed - removed)
    result[manager] = Share(wanted, before.time if before else "")
    return Applied(merged, result, manager)


def last_applied(obj: Object) -> Object | None:
    """Return the configuration of kubectl's client-side apply, as the object's annotation keeps it."""
    text = (obj.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _with_last_applied(obj: Object, config: Object) -> Object:
    """Return the object with the annotation of client-side apply brought up to date."""
    text = orjson.dumps(config, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), LAST_APPLIED: text}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _holds(path: tuple[str, ...], kept: Iterable[tuple[str, ...]]) -> bool:
    """Tell whether something that stays lies inside a path."""
    return any(other[: len(path)] == path for other in kept)


def finish(applied: Applied, *, old: Object, now: str) -> list[Object]:
    """Return the entries after an apply; the time moves only if what the manager owns changed."""
    before = read(old).get(applied.manager)
    mine = applied.shares[applied.manager]
    time = before.time if before is not None and before.paths == mine.paths else now
    return write({**applied.shares, applied.manager: Share(mine.paths, time)})


def _conflict(conflicts: list[tuple[Manager, tuple[str, ...]]]) -> status.StatusError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {manager.described()}",
            "field": fieldsets.show(path),
        }
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        text = f"conflict with {conflicts[0][0].described()}: {fieldsets.show(conflicts[0][1])}"
        message = f"Apply failed with 1 conflict: {text}"
    else:
        lines: list[str] = []
        for described in sorted({manager.described() for manager, _ in conflicts}):
            lines.append(f"conflicts with {described}:")
            lines += [
                f"- {fieldsets.show(path)}" for manager, path in conflicts if manager.described() == described
            ]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return status.make(409, "Conflict", message, details={"causes": causes})
