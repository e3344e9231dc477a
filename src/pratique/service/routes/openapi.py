"""The OpenAPI document, made from the table of operations and the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pratique
from pratique.service.routes.schemas import SCHEMAS
from pratique.service.routes.table import PUBLIC, Operation

Document = dict[str, Any]

ERROR = {
    "description": "What is wrong, and what to do instead",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def document(operations: Iterable[Operation], *, origin: str = "") -> Document:
    """Return the OpenAPI 3.1 document of these operations."""
    paths: dict[str, Document] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pratique",
            "version": pratique.__version__,
            "description": "Managed policy for Kubernetes fleets. Paths outside of `/api/v1` are those of"
            " Azure Resource Manager; `{scope}` stands for the id of any scope.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": origin or "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": SCHEMAS,
        },
    }


def describe(operation: Operation) -> Document:
    """Return one operation as OpenAPI has it."""
    found: Document = {
        "summary": operation.summary,
        "operationId": _name(operation),
        "tags": [operation.tag or "policy"],
        "responses": {str(operation.status): _success(operation), "default": ERROR},
    }
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in operation.query
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.body:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    if operation.roles == PUBLIC:
        found["security"] = []
    else:
        found["description"] = f"Roles: {', '.join(operation.roles)}."
    return found


def _success(operation: Operation) -> Document:
    found: Document = {"description": operation.summary}
    if operation.status == 204:
        return found
    if operation.media_type != "application/json":
        found["content"] = {operation.media_type: {"schema": {"type": "string"}}}
    elif operation.answer:
        found["content"] = {"application/json": {"schema": _reference(operation.answer)}}
    return found


def _reference(name: str) -> Document:
    if name.endswith("[]"):
        return {
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": "array", "items": _reference(name[:-2])},
                "nextLink": {"type": ["string", "null"]},
            },
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _name(operation: Operation) -> str:
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", operation.path) if part]
    return operation.method.lower() + "".join(part[0].upper() + part[1:] for part in parts)
