"""Conditions in an object's status: set one, take one away, keep its time while its status stays. Pure."""

from __future__ import annotations

from typing import Any

from pratique.devcluster.controllers.base import now

Object = dict[str, Any]


def build(kind: str, value: str, reason: str, message: str, *, updated: bool = False) -> Object:
    """Return a condition of now; Deployments also say when it was last updated."""
    moment = now()
    made = {"type": kind, "status": value, "lastTransitionTime": moment, "reason": reason, "message": message}
    return {**made, "lastUpdateTime": moment} if updated else made


def put(conditions: list[Object], new: Object) -> list[Object]:
    """Return the conditions with `new` in them; one with the same status and reason stays as it is."""
    old = next((item for item in conditions if item.get("type") == new["type"]), None)
    if old is not None and (old.get("status"), old.get("reason")) == (new["status"], new["reason"]):
        return conditions
    if old is not None and old.get("status") == new["status"]:
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime", new["lastTransitionTime"])}
    return [*drop(conditions, new["type"]), new]


def drop(conditions: list[Object], kind: str) -> list[Object]:
    """Return the conditions without those of a type."""
    return [item for item in conditions if item.get("type") != kind]


def find(conditions: list[Object], kind: str) -> Object | None:
    """Return the condition of a type."""
    return next((item for item in conditions if item.get("type") == kind), None)
