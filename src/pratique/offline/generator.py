"""What an object becomes before it is judged: mutated, and expanded into what it will generate (`gator expand`).

In: the mutators, ExpansionTemplates and Namespaces among the files. Out: for any object, the object as the
mutators leave it and its `Resultant`s. What is wrong with a policy is said with its file and line; what goes
wrong with an object, with that object's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pratique.constraint.expansion import Expander, ExpansionError, Resultant, is_template
from pratique.errors import PratiqueError, SourceError
from pratique.kube import objects
from pratique.kube.match import group_kind
from pratique.kube.providers import is_provider
from pratique.mutation import MutationSystem, is_mutator
from pratique.offline.entries import Entry
from pratique.offline.outside import Outside

Object = dict[str, Any]

_NO_NAMESPACE: Final[Object] = {}
_DEFAULT: Final[Object] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


class Generator:
    """Mutates and expands objects, as a cluster with these policies would."""

    def __init__(self, policies: Iterable[tuple[Entry, Object]], *, outside: Outside | None = None) -> None:
        """Take what mutates and expands from `policies`, and pass over the rest; raises `SourceError`.

        Providers are told to `outside`, which is asked when mutators ask.
        """
        outside = outside or Outside()
        self._mutations = MutationSystem(outside.lookup)
        self._expander = Expander(self._mutations)
        self._namespaces: dict[str, Object] = {"default": _DEFAULT}
        mutators: list[tuple[Entry, Object]] = []
        for entry, found in policies:
            if is_template(found):
                _at(entry, lambda found=found: self._expander.put_template(found))
            elif is_mutator(found):
                mutators.append((entry, found))
            elif is_provider(found):
                _at(entry, lambda found=found: outside.put(found))
            elif _is_namespace(found):
                _check_namespace(entry, found)
                self._namespaces[objects.name(found)] = found
        for entry, found in mutators:
            _at(entry, lambda found=found: self._mutations.put(found))
        for entry, found in mutators:
            if text := self._mutations.conflict_text(found["kind"], objects.name(found)):
                raise SourceError(text, entry.locate("spec.location"), hint="neither of them would apply")
        self.idle = not mutators and not self._expander.templates()

    @staticmethod
    def wants(found: Object) -> bool:
        """Tell whether an object is one of those that a generator is made of."""
        return any(one(found) for one in (is_template, is_mutator, is_provider, _is_namespace))

    def namespace_of(self, found: Object) -> Object | None:
        """Return the Namespace that an object is judged in: empty for a cluster's own object (gatekeeper.md 6.1)."""
        name = objects.namespace(found)
        return self._namespaces.get(name) if name else _NO_NAMESPACE

    def expand(self, entry: Entry, found: Object) -> tuple[Object, list[Resultant]]:
        """Return the object as mutators leave it, and everything that it would generate.

        Raises `SourceError` with the place of the object.
        """
        if self.idle:
            return found, []
        namespace = self.namespace_of(found)
        name = objects.name(found)
        changed: Object = _at(
            entry,
            lambda: self._mutations.mutate(found, namespace=namespace).object,
            f"error mutating base resource {name}: ",
        )
        resultants: list[Resultant] = _at(
            entry,
            lambda: self._expander.expand(changed, namespace=namespace),
            f"error expanding resource {name}: ",
        )
        return changed, resultants


def _is_namespace(found: Object) -> bool:
    return group_kind(found) == ("", "Namespace")


def _check_namespace(entry: Entry, found: Object) -> None:
    """Refuse a Namespace whose metadata has another type: selectors would be asked about labels that are none."""
    metadata = found.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise SourceError("`metadata` must be an object", entry.locate("metadata"))
    for key in ("name", "namespace", "generateName"):
        value = (metadata or {}).get(key)
        if value is not None and not isinstance(value, str):
            raise SourceError(f"`metadata.{key}` must be text", entry.locate(f"metadata.{key}"))
    for key in ("labels", "annotations"):
        value = (metadata or {}).get(key)
        texts = value.values() if isinstance(value, dict) else ()
        if value is not None and not (
            isinstance(value, dict) and all(text is None or isinstance(text, str) for text in texts)
        ):
            raise SourceError(
                f"`metadata.{key}` must be an object of texts",
                entry.locate(f"metadata.{key}"),
                hint='quote what is a number or a truth value: `"1"`, `"true"`',
            )


def _at(entry: Entry, act: Any, prefix: str = "") -> Any:
    """Return what an act returns; whatever it refuses is said with the place of its document."""
    try:
        return act()
    except SourceError:
        raise
    except PratiqueError as error:
        path = "spec.templateSource" if isinstance(error, ExpansionError) and error.cycle else "metadata"
        raise SourceError(f"{prefix}{error.message}", entry.locate(path), hint=error.hint) from error
