"""Health, version, metrics and the OpenAPI document. Nobody needs a token for these."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pratique
from pratique.service.routes import openapi
from pratique.service.routes.metrics import Metrics
from pratique.service.routes.table import PUBLIC, Answer, Call, Document, Operation


def health(_call: Call) -> Answer:
    """Say that the process answers."""
    return Answer("ok\n", media_type="text/plain; charset=utf-8")


def ready(call: Call) -> Answer:
    """Say that the data can be read."""
    with call.context.store.read() as connection:
        connection.exec_driver_sql("select 1")
    return Answer("ok\n", media_type="text/plain; charset=utf-8")


def version(_call: Call) -> Document:
    """Return the version."""
    return {"version": pratique.__version__, "python": platform.python_version()}


def operations(metrics: Metrics, everything: Callable[[], list[Operation]]) -> list[Operation]:
    """Return the operations that a program, and not a person, asks for."""

    def exposition(call: Call) -> Answer:
        return Answer(metrics.text(call.context), media_type="text/plain; version=0.0.4; charset=utf-8")

    def document(call: Call) -> Document:
        return openapi.document(everything(), origin=call.origin)

    text = "text/plain"
    return [
        Operation(
            "GET", "/healthz", "Whether the process answers", health, PUBLIC, tag="system", media_type=text
        ),
        Operation(
            "GET", "/readyz", "Whether requests can be answered", ready, PUBLIC, tag="system", media_type=text
        ),
        Operation("GET", "/metrics", "Prometheus metrics", exposition, PUBLIC, tag="system", media_type=text),
        Operation("GET", "/version", "The version", version, PUBLIC, answer="Version", tag="system"),
        Operation(
            "GET", "/openapi.json", "This description", document, PUBLIC, answer="Object", tag="system"
        ),
    ]
