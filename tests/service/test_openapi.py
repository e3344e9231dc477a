"""The OpenAPI document and its page: whole, consistent, and up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pratique.service.routes import openapi, reference
from pratique.service.routes.metrics import Metrics
from pratique.service.routes.operations import everything
from pratique.service.routes.table import PUBLIC

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = everything(Metrics())


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs/reference/api.md").read_text() == reference.markdown(), "run `make docs`"


def test_every_operation_is_described_and_named_once() -> None:
    document = openapi.document(OPERATIONS)
    found = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(found) == len(OPERATIONS), "two operations share a method and a path"
    assert all(operation["summary"] for operation in found)
    names = [operation["operationId"] for operation in found]
    assert len(set(names)) == len(names)
    assert {operation.tag for operation in OPERATIONS} == set(reference.TAGS)


def test_every_reference_resolves() -> None:
    document = openapi.document(OPERATIONS)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])


def test_only_these_need_no_token() -> None:
    public = {operation.path for operation in OPERATIONS if operation.roles == PUBLIC}
    assert {path for path in public if path.startswith("/api/")} == {"/api/v1/login"}
    assert not [path for path in public if "Microsoft." in path or path.startswith("/subscriptions")]


def test_the_service_hands_out_its_document(running: Any) -> None:
    found = running.send("GET", "/openapi.json", token="").json
    assert found["openapi"].startswith("3.1")
    assert found["servers"] == [{"url": running.listener.url}]
    assert set(found["paths"]) == {operation.path for operation in OPERATIONS}
