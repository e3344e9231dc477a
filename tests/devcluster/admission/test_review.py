import base64
import json

import pytest

from pratique.devcluster.admission import review
from pratique.devcluster.admission.webhooks import refusal


def answer(**response):
    body = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "1", **response},
    }
    return json.dumps(body).encode()


def coded(operations):
    return base64.b64encode(json.dumps(operations).encode()).decode()


def test_a_patch_is_read():
    operations = [{"op": "add", "path": "/a", "value": 1}]
    found = review.read(
        answer(allowed=True, patch=coded(operations), patchType="JSONPatch"), "1", mutating=True
    )
    assert (found.allowed, found.patch) == (True, operations)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "json parse error"),
        (b"{}", "webhook response was absent"),
        (answer(uid="2", allowed=True), 'expected response.uid="1", got "2"'),
        (
            answer(allowed=True).replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"),
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, "
            "got admission.k8s.io/v1beta1, Kind=AdmissionReview",
        ),
        (answer(allowed=True, patch=coded([])), "response.patch but not response.patchType"),
        (answer(allowed=True, patchType="JSONPatch"), "response.patchType but not response.patch"),
        (answer(allowed=True, patch="%%%", patchType="JSONPatch"), "undecodable patch"),
        (answer(allowed=True, patch=coded({}), patchType="JSONPatch"), "undecodable patch"),
    ],
)
def test_an_answer_that_is_none(body, message):
    with pytest.raises(review.InvalidResponseError, match=message):
        review.read(body, "1", mutating=True)


def test_a_validating_webhook_may_not_patch():
    body = answer(allowed=True, patch=coded([1]), patchType="JSONPatch")
    with pytest.raises(review.InvalidResponseError, match="validating webhook may not return"):
        review.read(body, "1", mutating=False)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (None, 400, 'admission webhook "w" denied the request without explanation'),
        ({"message": "no", "code": 403}, 403, 'admission webhook "w" denied the request: no'),
        ({"reason": "Forbidden"}, 400, 'admission webhook "w" denied the request: Forbidden'),
        (
            {"message": "no", "code": 200, "status": "Success"},
            400,
            'admission webhook "w" denied the request: no',
        ),
    ],
)
def test_what_a_refusal_says(given, code, message):
    error = refusal("w", given)
    assert (error.code, error.message, error.status["status"]) == (code, message, "Failure")
