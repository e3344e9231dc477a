"""`input.review`, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.constraint import Review, ReviewError

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
REQUEST: dict[str, Any] = {
    "uid": "u",
    "kind": {"group": "", "version": "v1", "kind": "Pod"},
    "resource": {"group": "", "version": "v1", "resource": "pods"},
    "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
    "requestResource": {"group": "", "version": "v1", "resource": "pods"},
    "name": "web",
    "namespace": "shop",
    "operation": "CREATE",
    "userInfo": {"username": "dpaulus", "groups": ["a"]},
    "object": POD,
    "oldObject": None,
    "dryRun": False,
    "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    "unknown": 1,
}


def test_a_request_is_shown_as_it_is() -> None:
    review = Review.from_admission(REQUEST, NAMESPACE)
    expected = {name: value for name, value in REQUEST.items() if name != "unknown"}
    assert review.input == {**expected, "namespaceObject": NAMESPACE}
    assert review.input["object"] is POD


def test_what_is_missing_in_a_request_has_its_zero_value_or_none() -> None:
    review = Review.from_admission({"uid": "u", "operation": "CONNECT"})
    assert json.dumps(review.input) == json.dumps(
        {
            "uid": "u",
            "kind": {"group": "", "version": "", "kind": ""},
            "resource": {"group": "", "version": "", "resource": ""},
            "operation": "CONNECT",
            "userInfo": {},
            "object": None,
            "oldObject": None,
            "options": None,
            "namespaceObject": {},
        }
    )


def test_an_object_that_exists_is_shown_with_zero_values() -> None:
    review = Review.from_object(POD, namespace=NAMESPACE)
    assert json.dumps(review.input) == json.dumps(
        {
            "uid": "",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "", "resource": ""},
            "name": "web",
            "namespace": "shop",
            "operation": "",
            "userInfo": {},
            "object": POD,
            "oldObject": None,
            "options": None,
            "namespaceObject": NAMESPACE,
        }
    )


def test_gator_hides_the_namespace() -> None:
    review = Review.from_object(POD, namespace=NAMESPACE, show_namespace=False)
    assert review.input["namespaceObject"] == {}
    assert review.namespace is NAMESPACE


def test_on_delete_the_object_is_the_old_one() -> None:
    review = Review.from_admission({**REQUEST, "operation": "DELETE", "object": None, "oldObject": POD})
    assert review.input["object"] is POD
    assert review.input["oldObject"] is POD
    with pytest.raises(ReviewError, match="oldObject cannot be nil for DELETE operations"):
        Review.from_admission({**REQUEST, "operation": "DELETE", "object": None})


def test_a_namespace_is_in_no_namespace() -> None:
    request = {
        **REQUEST,
        "kind": {"group": "", "version": "v1", "kind": "Namespace"},
        "namespace": "shop",
        "object": NAMESPACE,
    }
    review = Review.from_admission(request, NAMESPACE)
    assert "namespace" not in review.input
    assert review.input["namespaceObject"] == {}
    assert review.namespace is None


def test_an_object_that_is_none_is_refused() -> None:
    with pytest.raises(ReviewError, match="must be an object"):
        Review.from_admission({**REQUEST, "object": [1]})
