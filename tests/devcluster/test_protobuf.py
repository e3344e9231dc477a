"""Bodies as kubectl 1.32 sent them, beside the object that `--dry-run=client -o json` showed for them."""

import base64
from pathlib import Path

import pytest
import yaml

from pratique.devcluster import protobuf

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/protobuf/kubectl.yaml").read_text())


def without_empty(value):
    """Drop what Go writes although nothing was said: nulls, empty structs and lists."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_body_means_what_kubectl_says(case):
    decoded = protobuf.decode(base64.b64decode(case["body"]))
    shown = {key: value for key, value in case["object"].items() if key != "status"}  # zeros, always written
    assert without_empty(decoded) == without_empty(shown)


def test_a_zero_behind_a_pointer_stays_and_other_zeros_go():
    spec = bytes([0x08, 0x00, 0x28, 0x00])  # replicas (a pointer): 0, minReadySeconds: 0
    envelope = wrap("apps/v1", "Deployment", bytes([0x12, len(spec)]) + spec)
    assert protobuf.decode(envelope)["spec"] == {"replicas": 0}


def test_fields_of_newer_versions_are_passed_over():
    unknown = bytes([0xFA, 0x3E, 0x02, 0x68, 0x69])  # field 1007: "hi"
    assert protobuf.decode(wrap("v1", "ConfigMap", unknown)) == {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kind": "Pod"}', "does not appear to be a protobuf message"),
        (b"k8s\x00\x0a\xff", "unexpected EOF"),
        (b"k8s\x00\x0b", "wiretype 3"),
        (b"k8s\x00\x08\x01", "wrong wireType|no kind"),
    ],
)
def test_what_is_no_message_is_refused(body, message):
    with pytest.raises(protobuf.ProtobufError, match=message):
        protobuf.decode(body)


def test_an_unknown_kind_is_named():
    with pytest.raises(protobuf.ProtobufError, match='no kind "Thing" is registered for version "v1"'):
        protobuf.decode(wrap("v1", "Thing", b""))


def wrap(api_version, kind, raw):
    texts = [api_version.encode(), kind.encode()]
    meta = b"".join(bytes([key, len(text)]) + text for key, text in zip((0x0A, 0x12), texts, strict=True))
    return b"k8s\x00" + bytes([0x0A, len(meta)]) + meta + bytes([0x12, len(raw)]) + raw
