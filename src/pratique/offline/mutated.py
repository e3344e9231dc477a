"""Tests of mutators in suites, which `gator verify` does not have: what becomes of an object.

In: mutators, and a case with the object and what it should become. Out: what is wrong with the case, in words,
or nothing. The grammar is in `docs/reference/suites.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pratique.constraint.external import Answer, answer
from pratique.errors import InputError
from pratique.kube import diff, objects
from pratique.kube.match import group_kind
from pratique.kube.providers import Reply
from pratique.mutation import Location, MutationError, MutationSystem, MutatorError, parse, values_at
from pratique.offline import selection
from pratique.offline.entries import Entry

OPERATIONS: Final = ("CREATE", "UPDATE")
KEYS: Final = ("path", "value", "exists", "mutated", "error")
_MOST: Final = 5

Object = dict[str, Any]
Found = Iterator[tuple[Entry, Object]]


class Said:
    """What providers of external data say in the case that is being played."""

    def __init__(self) -> None:
        self.answers: Mapping[str, Mapping[str, Any]] = {}

    def ask(self, provider: str, keys: Any) -> Answer:
        """Answer `external_data`."""
        if provider not in self.answers:
            reason = f"key is not found in provider cache: {provider}"
            return Answer(status_code=400, system_error=reason)
        return answer(Reply(tuple(self._items(provider, keys)), True))

    def lookup(self, keys: Mapping[str, tuple[str, ...]]) -> Mapping[str, Any]:
        """Answer a mutation's placeholders."""
        return {
            provider: {"response": {"idempotent": True, "items": self._items(provider, asked)}}
            for provider, asked in keys.items()
            if provider in self.answers
        }

    def _items(self, provider: str, keys: Any) -> list[Object]:
        known = self.answers[provider]
        return [
            {"key": key, **(known[key] if _is_error(known[key]) else {"value": known[key]})}
            for key in keys
            if key in known
        ]


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"error"}


def concerns(assertion: Mapping[str, Any]) -> bool:
    """Tell whether an assertion is about the object, and not about violations."""
    return any(key in assertion for key in KEYS)


def answers(case: Object) -> Mapping[str, Mapping[str, Any]]:
    """Return what providers say in a case, by provider and key; raises `InputError`."""
    found = case.get("externalData") or {}
    if not isinstance(found, dict) or not all(isinstance(said, dict) for said in found.values()):
        raise InputError(
            "`externalData` must say for each provider what it says of each key",
            hint="write `externalData: {PROVIDER: {KEY: VALUE}}`; an error is `{error: TEXT}`",
        )
    for said in found.values():
        for key, value in said.items():
            if _is_error(value) and not (isinstance(value["error"], str) and value["error"]):
                raise InputError(f"the `error` of `{key}` must be text", hint="put it in quotes")
    return found


def system(mutators: Found, said: Said) -> MutationSystem:
    """Return the mutators of a test; raises `MutatorError`, also where they contradict each other."""
    made = MutationSystem(said.lookup)
    names: list[tuple[str, str]] = []
    for entry, found in mutators:
        try:
            made.put(found)
        except MutatorError as error:
            raise MutatorError(f"{entry.locate('metadata')}: {error.message}", hint=error.hint) from error
        names.append((found["kind"], objects.name(found)))
    if not names:
        raise InputError("`mutators` names no mutator", hint="write `mutators: [FILE, ...]`")
    for kind, name in names:
        if text := made.conflict_text(kind, name):
            raise MutatorError(text)
    return made


class Mutated:
    """What became of the object of one case."""

    def __init__(self, made: MutationSystem, found: Object, inventory: list[Object], case: Object) -> None:
        """Mutate an object, or that of an AdmissionReview; raises `InputError` where nothing would be mutated."""
        self._asked = found if found["kind"] == "AdmissionReview" else None
        request = self._asked.get("request") if self._asked else {}
        request = request if isinstance(request, dict) else {}
        self.before: Object = found if self._asked is None else _object_of(request)
        self.object, self.error = self.before, ""
        operation = str(case.get("operation") or request.get("operation") or OPERATIONS[0])
        if operation not in OPERATIONS:
            known = " or ".join(OPERATIONS)
            raise InputError(f"`{operation}` is no operation that mutates", hint=f"write {known}")
        user = request.get("userInfo") or {}
        try:
            self.object = made.mutate(
                self.before,
                namespace=_namespace(self.before, inventory),
                operation=operation,
                username=str(case.get("username") or user.get("username") or ""),
            ).object
        except MutationError as error:
            self.error = error.message

    @property
    def review(self) -> Object:
        """Return what policies are asked about: the object as it became, in its AdmissionReview if it has one."""
        if self._asked is None:
            return self.object
        return self._asked | {"request": self._asked["request"] | {"object": self.object}}

    def failure(self, assertions: list[Object], expected: Object | None) -> str:
        """Return what of the object is not as it should be, or nothing; raises `InputError`."""
        if self.error and not any("error" in one for one in assertions):
            return f"the object could not be mutated: {self.error}"
        found = [self._failure(one) for one in assertions]
        found += [self.differences(expected)] if expected is not None else []
        return next(filter(None, found), "")

    def differences(self, expected: Object) -> str:
        """Return how the object differs from what is expected, or nothing."""
        patch = diff.json_patch(self.object, expected)
        if not patch:
            return ""
        shown = [self._difference(one) for one in patch[:_MOST]]
        rest = [f"... and {len(patch) - _MOST} more"] if len(patch) > _MOST else []
        return "\n".join(["the object is not what is expected:", *shown, *rest])

    def _difference(self, operation: Object) -> str:
        path = operation["path"] or "/"
        got = _shown(_pointed(self.object, operation["path"]))
        if operation["op"] == "add":
            return f"{path}: missing, want {_shown(operation['value'])}"
        if operation["op"] == "remove":
            return f"{path}: got {got}, want nothing"
        return f"{path}: got {got}, want {_shown(operation['value'])}"

    def _failure(self, assertion: Mapping[str, Any]) -> str:
        if "error" in assertion:
            return self._wrong_error(str(assertion["error"]))
        if "mutated" in assertion:
            wanted = _yes(assertion, "mutated")
            if diff.same(self.before, self.object) is wanted:
                return "the object should be mutated, and is not" if wanted else self._changes()
        if "path" not in assertion:
            return "" if "mutated" in assertion else _no_path()
        return self._wrong_value(assertion)

    def _wrong_error(self, pattern: str) -> str:
        search = selection.pattern(pattern).search
        if not self.error:
            return f'the mutation should fail with "{pattern}", and does not'
        if search(self.error):
            return ""
        return f'the mutation should fail with "{pattern}", and fails with: {self.error}'

    def _changes(self) -> str:
        changes = ", ".join(one["path"] for one in diff.json_patch(self.before, self.object))
        return f"the object should not be mutated, and is at {changes}"

    def _wrong_value(self, assertion: Mapping[str, Any]) -> str:
        path = str(assertion["path"])
        found = values_at(self.object, _location(path))
        if "value" in assertion:
            wanted = assertion["value"]
            if found and all(diff.same(one, wanted) for one in found):
                return ""
            return f"{path}: got {', '.join(map(_shown, found)) or 'nothing'}, want {_shown(wanted)}"
        wanted_there = _yes(assertion, "exists")
        if bool(found) is wanted_there:
            return ""
        return f"{path}: got {', '.join(map(_shown, found)) or 'nothing'}, want {'any' if wanted_there else 'nothing'}"


def _object_of(request: Object) -> Object:
    found = request.get("object")
    if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
        raise InputError("the AdmissionReview has no `request.object` to mutate")
    return found


def _namespace(found: Object, inventory: list[Object]) -> Object | None:
    """Return the Namespace that an object is in; one that is not in the inventory has only its name."""
    name = objects.namespace(found)
    if not name or group_kind(found) == ("", "Namespace"):
        return None
    there = (one for one in inventory if group_kind(one) == ("", "Namespace") and objects.name(one) == name)
    return next(there, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _location(path: str) -> Location:
    try:
        return parse(path)
    except MutatorError as error:
        raise InputError(f"`path: {path}`: {error.message}") from error


def _no_path() -> str:
    raise InputError(
        "an assertion about a value needs `path`", hint="write `path: spec.replicas`, `value: 3`"
    )


def _yes(assertion: Mapping[str, Any], key: str) -> bool:
    given = assertion.get(key, "yes")
    if given not in ("yes", "no"):
        raise InputError(f"`{key}: {given}` is neither `yes` nor `no`")
    return bool(given == "yes")


def _pointed(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
