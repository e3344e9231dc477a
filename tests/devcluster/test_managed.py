"""Field managers: who owns what after updates and applies."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.devcluster import fieldsets, managed, typed
from pratique.devcluster.shapes import Shape
from pratique.kube import status

TYPES = typed.load()


def _shape(group: str, kind: str) -> Shape:
    return Shape.of(TYPES.definition(group, "v1", kind) or {}, TYPES.definitions, strict=True)


CM = _shape("", "ConfigMap")
PODS = _shape("", "Pod")


def _cm(data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}, "data": data}


def _manager(name: str, operation: str = "Update") -> managed.Manager:
    return managed.Manager(name, operation, "v1")


def _owners(obj: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def _updated(old: dict[str, Any], new: dict[str, Any], manager: str) -> dict[str, Any]:
    entries = managed.after_update(old, new, CM, manager=_manager(manager), now="t")
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def _applied(
    live: dict[str, Any], config: dict[str, Any], name: str, *, force: bool = False
) -> dict[str, Any]:
    result = managed.apply(live, config, CM, manager=_manager(name, "Apply"), force=force)
    entries = managed.finish(result, old=live, now="t")
    return {**result.object, "metadata": {**result.object["metadata"], "managedFields": entries}}


def test_a_creator_owns_what_it_set() -> None:
    made = _updated({}, _cm({"a": "1"}, labels={"l": "x"}), "creator")
    assert _owners(made) == {
        "creator": {
            "f:data": {".": {}, "f:a": {}},
            "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
        }
    }


def test_an_update_takes_what_it_changes() -> None:
    made = _updated({}, _cm({"a": "1", "b": "2"}), "creator")
    changed = _updated(
        made, _cm({"a": "9", "b": "2"}, managedFields=made["metadata"]["managedFields"]), "other"
    )
    assert _owners(changed) == {"creator": {"f:data": {".": {}, "f:b": {}}}, "other": {"f:data": {"f:a": {}}}}


def test_apply_removes_what_it_no_longer_wants_and_nobody_else_has() -> None:
    live = _applied({}, _cm({"a": "1", "b": "2"}), "me")
    live = _applied(live, _cm({"a": "1"}), "me")
    assert live["data"] == {"a": "1"}
    shared = _applied(live, _cm({"a": "1"}), "too")
    assert _applied(shared, _cm({}), "me")["data"] == {"a": "1"}


def test_conflicts_name_manager_and_field_and_force_takes_over() -> None:
    live = _applied({}, _cm({"a": "1"}), "me")
    with pytest.raises(status.StatusError) as caught:
        _applied(live, _cm({"a": "2"}), "you")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "me": .data.a'
    assert caught.value.status["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    taken = _applied(live, _cm({"a": "2"}), "you", force=True)
    assert taken["data"] == {"a": "2"}
    assert set(_owners(taken)) == {"you"}


def test_two_conflicts_are_listed() -> None:
    live = _updated({}, _cm({"a": "1", "b": "1"}), "me")
    with pytest.raises(status.StatusError) as caught:
        _applied(live, _cm({"a": "2", "b": "2"}), "you")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "me" using v1:\n- .data.a\n- .data.b'
    )


def test_kubectl_takes_over_from_its_own_client_side_apply() -> None:
    note = {managed.LAST_APPLIED: '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1"}}'}
    live = _updated({}, _cm({"a": "1"}, annotations=note), "kubectl-client-side-apply")
    taken = _applied(live, _cm({"a": "2"}), "kubectl")
    assert taken["data"] == {"a": "2"}
    with pytest.raises(status.StatusError):
        _applied(live, _cm({"a": "2"}), "somebody")


def test_items_of_keyed_lists_are_owned_one_by_one() -> None:
    pod = {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}
    written = fieldsets.write(fieldsets.of(pod, PODS))
    key = 'k:{"containerPort":80,"protocol":"TCP"}'
    assert written["f:spec"]["f:containers"]['k:{"name":"c"}'] == {
        ".": {},
        "f:image": {},
        "f:name": {},
        "f:ports": {key: {".": {}, "f:containerPort": {}}},
    }
    assert fieldsets.read(written) == fieldsets.of(pod, PODS)
    path = next(path for path in fieldsets.of(pod, PODS) if path[-1] == "f:image")
    assert fieldsets.show(path) == '.spec.containers[name="c"].image'


def test_applied_lists_merge_by_key() -> None:
    live = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
    config = {"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "c"}]}}
    merged = fieldsets.merge(live, config, PODS)
    assert merged["spec"]["containers"] == [
        {"name": "a", "image": "1"},
        {"name": "b", "image": "2"},
        {"name": "c"},
    ]


def test_undeclared_fields_are_found() -> None:
    assert fieldsets.undeclared({"metadata": {"colour": "red"}, "data": {"any": "x"}}, CM) == [
        ".metadata.colour"
    ]
