"""`gator sync test`: whether what is synchronised is all that templates read (gatekeeper.md 6.4).

In: templates, SyncSets, a Config and a GVKManifest from files. Out: for each template the requirements that
nothing meets, or that cannot be read. A GVKManifest says what the cluster serves; what it does not serve is not
synchronised, whatever a SyncSet says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.constraint import template
from pratique.constraint.sync import GVK, requirements
from pratique.errors import InputError, PratiqueError, SourceError
from pratique.kube import objects
from pratique.kube.match import group_kind
from pratique.offline.entries import Entry

Object = dict[str, Any]
Say = Callable[[str], None]

TEMPLATE: Final = ("templates.gatekeeper.sh", "ConstraintTemplate")
SYNC_SET: Final = ("syncset.gatekeeper.sh", "SyncSet")
CONFIG: Final = ("config.gatekeeper.sh", "Config")
MANIFEST: Final = ("gvkmanifest.gatekeeper.sh", "GVKManifest")


@dataclass(slots=True)
class Synced:
    """What the files say."""

    required: dict[str, list[list[GVK]]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    synced: set[GVK] = field(default_factory=set)
    served: set[GVK] | None = None
    configured: bool = False
    read: bool = False

    def missing(self) -> dict[str, list[list[GVK]]]:
        """Return the requirements of each template that nothing synchronised meets."""
        there = self.synced if self.served is None else self.synced & self.served
        found = {
            name: [one for one in required if there.isdisjoint(one)]
            for name, required in self.required.items()
        }
        return {name: lacking for name, lacking in found.items() if lacking}


def read(found: Iterable[tuple[Entry, Object]], *, say: Say) -> Synced:
    """Read what the files hold; `say` hears what is passed over. Raises `SourceError`."""
    result = Synced()
    for entry, one in found:
        result.read = True
        reader = _READERS.get(group_kind(one))
        if reader is None:
            name = objects.name(one)
            say(
                f'skipping unstructured "{name}" because it is not a syncset, config, gvk manifest, or template'
            )
            continue
        try:
            reader(result, one)
        except SourceError:
            raise
        except PratiqueError as error:
            raise SourceError(error.message, entry.locate("spec"), hint=error.hint) from error
    return result


def _template(result: Synced, found: Object) -> None:
    name = objects.name(found)
    try:
        result.required[name] = requirements(template.read(found).annotations)
    except PratiqueError as error:
        result.unreadable[name] = error.message


def _sync_set(result: Synced, found: Object) -> None:
    result.synced |= set(_gvks(_spec(found).get("gvks"), "spec.gvks"))


def _config(result: Synced, found: Object) -> None:
    if result.configured:
        raise InputError("multiple configs found; Config is a singleton resource", hint="keep one of them")
    result.configured = True
    sync = _spec(found).get("sync") or {}
    if not isinstance(sync, dict):
        raise InputError("`spec.sync` must be an object")
    result.synced |= set(_gvks(sync.get("syncOnly"), "spec.sync.syncOnly"))


def _manifest(result: Synced, found: Object) -> None:
    if result.served is not None:
        raise InputError(
            "multiple GVK manifests found; please provide one manifest enumerating the GVKs supported by the cluster"
        )
    result.served = {
        (group, version, kind)
        for group, versions in _map(_spec(found).get("groups"), "spec.groups").items()
        for version, kinds in _map(versions, f"spec.groups.{group}").items()
        for kind in _texts(kinds, f"spec.groups.{group}.{version}")
    }


_READERS: Final[dict[tuple[str, str], Callable[[Synced, Object], None]]] = {
    TEMPLATE: _template,
    SYNC_SET: _sync_set,
    CONFIG: _config,
    MANIFEST: _manifest,
}


def text_of(found: dict[str, list[list[GVK]]]) -> str:
    """Return requirements as gator prints them; it has those of one line in any order."""
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: dict[str, list[list[GVK]]]) -> Iterator[str]:
    for name in sorted(found):
        yield f"{name}:"
        for choice in found[name]:
            yield "- " + " OR ".join(f"{group}/{version}:{kind}" for group, version, kind in choice)


def _spec(found: Object) -> Object:
    spec = found.get("spec") or {}
    if not isinstance(spec, dict):
        raise InputError("`spec` must be an object")
    return spec


def _gvks(found: Any, path: str) -> Iterator[GVK]:
    entries = found or []
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise InputError(
            f"`{path}` must be a list of objects", hint="write `{group: apps, version: v1, kind: ...}`"
        )
    for entry in entries:
        group, version, kind = (entry.get(part) or "" for part in ("group", "version", "kind"))
        if not all(isinstance(part, str) for part in (group, version, kind)):
            raise InputError(f"`group`, `version` and `kind` in `{path}` must be texts")
        yield group, version, kind


def _map(found: Any, path: str) -> Object:
    if not isinstance(found or {}, dict):
        raise InputError(
            f"`{path}` must be an object",
            hint="write `groups: {apps: {v1: [Deployment]}}`: kinds by group and version",
        )
    return found or {}


def _texts(found: Any, path: str) -> list[str]:
    if not isinstance(found or [], list) or not all(isinstance(item, str) for item in found or []):
        raise InputError(f"`{path}` must be a list of kinds")
    return found or []
