"""The JSON Schemas of what goes in and out, written once for OpenAPI and for people."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
NUMBER: Final[Schema] = {"type": "integer"}
SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 100}
FLAG: Final[Schema] = {"type": "boolean"}
ANY_OBJECT: Final[Schema] = {"type": "object", "additionalProperties": True}


def _object(required: str = "", /, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    if required:
        found["required"] = required.split()
    return found


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_PROBLEM = _object("kind name code message", kind=TEXT, name=TEXT, code=TEXT, message=TEXT)
_ADDON = _object(
    "state message",
    state={"enum": ["Disabled", "Enabling", "Enabled", "Disabling", "Failed"]},
    message=TEXT,
)
_VIOLATION = {
    "constraintKind": TEXT,
    "constraintName": TEXT,
    "assignmentId": TEXT,
    "group": TEXT,
    "version": TEXT,
    "kind": TEXT,
    "namespace": TEXT,
    "name": TEXT,
    "message": TEXT,
    "action": TEXT,
}
_RECORD = {
    **_VIOLATION,
    "key": TEXT,
    "referenceId": TEXT,
    "uid": TEXT,
    "messages": _list(TEXT),
    "field": TEXT,
    "firstSeen": TEXT,
    "lastSeen": TEXT,
}
_STATE: Schema = {"enum": ["Compliant", "NonCompliant", "Error", "Exempt", "Unknown", "NotStarted"]}
_ROW = {
    "id": TEXT,
    "name": TEXT,
    "state": _STATE,
    "percentage": SHARE,
    "clusters": _object(compliant=NUMBER, nonCompliant=NUMBER, error=NUMBER, notStarted=NUMBER),
    "components": _object(nonCompliant=NUMBER, evaluated=NUMBER, percentage=SHARE),
    "problems": _list(_object(cluster=TEXT, code=TEXT, message=TEXT)),
}
_DENIAL = {
    **_VIOLATION,
    "time": TEXT,
    "user": TEXT,
    "groups": _list(TEXT),
    "operation": TEXT,
    "requestUid": TEXT,
    "dryRun": FLAG,
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _object(
        "error",
        error=_object(
            "code message",
            code=TEXT,
            message=TEXT,
            target=TEXT,
            hint=TEXT,
            details=_list(
                _object(
                    "code message",
                    code=TEXT,
                    message=TEXT,
                    target=TEXT,
                    hint=TEXT,
                    file=TEXT,
                    line=NUMBER,
                    column=NUMBER,
                    text=TEXT,
                    width=NUMBER,
                )
            ),
        ),
    ),
    "Object": ANY_OBJECT,
    "Version": _object("version python", version=TEXT, python=TEXT),
    "Login": _object(username=TEXT, password=TEXT, code=TEXT),
    "Session": _object(
        "token expires user", token=TEXT, expires=TEXT, user=_object(username=TEXT, role=TEXT)
    ),
    "Me": _object(
        "username role tenantId subscriptionId",
        username=TEXT,
        type=TEXT,
        role={"enum": ["admin", "reader", "agent"]},
        tenantId=TEXT,
        subscriptionId=TEXT,
        resourceGroupId=TEXT,
    ),
    "Cluster": _object(
        "name resourceId addon agents desiredRevision appliedRevision problems",
        name=TEXT,
        resourceId=TEXT,
        location=TEXT,
        tags=ANY_OBJECT,
        properties=ANY_OBJECT,
        addon=_ADDON,
        agents=_list(_object(pod=TEXT, operation=TEXT, ready=FLAG, version=TEXT, lastSeen=TEXT)),
        lastSeen=MAYBE_TEXT,
        desiredRevision=NUMBER,
        appliedRevision=NUMBER,
        kubernetesVersion=TEXT,
        problems=_list(_PROBLEM),
        foreign=_list(_object(kind=TEXT, name=TEXT)),
        reachable=FLAG,
    ),
    "ClusterWrite": _object(location=TEXT, tags=ANY_OBJECT, properties=ANY_OBJECT, kubeconfig=TEXT),
    "AgentToken": _object("token", token=TEXT),
    "AddonWrite": _object("enabled", enabled=FLAG),
    "Coverage": _object(
        group=TEXT, version=TEXT, kind=TEXT, objects=NUMBER, lastListed=MAYBE_TEXT, error=TEXT
    ),
    "Desired": _object(
        "revision hash manifests settings",
        revision=NUMBER,
        hash=TEXT,
        manifests=_list(ANY_OBJECT),
        settings=_object(excludedNamespaces=_list(TEXT)),
    ),
    "Applied": _object(
        "revision",
        revision=NUMBER,
        hash=TEXT,
        kubernetesVersion=TEXT,
        agent=_object(pod=TEXT, operation=TEXT, version=TEXT, ready=FLAG),
        agents=_list(_object(pod=TEXT, operation=TEXT, version=TEXT, ready=FLAG)),
        results=_list(
            _object(
                "kind name status",
                kind=TEXT,
                name=TEXT,
                status={"enum": ["Applied", "Failed"]},
                code=TEXT,
                message=TEXT,
            )
        ),
        foreign=_list(_object(kind=TEXT, name=TEXT)),
    ),
    "AppliedAnswer": _object("revision", revision=NUMBER),
    "Report": _object(
        "session sequence",
        session=TEXT,
        sequence={"type": "integer", "minimum": 1},
        full=FLAG,
        upserts=_list(_object("key", **_RECORD)),
        removals=_list(TEXT),
        totals=_list(_object(constraintKind=TEXT, constraintName=TEXT, evaluated=NUMBER, violating=NUMBER)),
        coverage=_list(_ref("Coverage")),
        digest=TEXT,
    ),
    "ReportAnswer": _object("accepted resync", accepted=NUMBER, resync=FLAG),
    "Denials": _object("denials", denials=_list(_object(**_DENIAL))),
    "DenialsAnswer": _object("accepted new", accepted=NUMBER, new=NUMBER),
    "Record": _object(
        "id cluster key state",
        id=TEXT,
        cluster=TEXT,
        definitionId=TEXT,
        state=_STATE,
        fixedAt=MAYBE_TEXT,
        closedBy=TEXT,
        **_RECORD,
    ),
    "Denial": _object("id cluster", id=TEXT, cluster=TEXT, **_DENIAL),
    "Activity": _object(
        "id time actor operation target",
        id=TEXT,
        time=TEXT,
        actor=TEXT,
        actorType=TEXT,
        operation=TEXT,
        target=TEXT,
        detail=ANY_OBJECT,
    ),
    "ComplianceRow": _object("id state percentage", **_ROW),
    "Overview": _object(
        "compliance assignments clusters denials trend",
        compliance=_object(
            compliant=NUMBER,
            nonCompliant=NUMBER,
            exempt=NUMBER,
            unknown=NUMBER,
            error=NUMBER,
            notStarted=NUMBER,
            percentage=SHARE,
            components=_object(nonCompliant=NUMBER, evaluated=NUMBER, percentage=SHARE),
        ),
        definitions=_object(builtIn=NUMBER, custom=NUMBER),
        assignments=_list(_ref("ComplianceRow")),
        clusters=_list(_ref("ComplianceRow")),
        denials=_object(last24h=NUMBER),
        trend=_list(_object(time=TEXT, nonCompliant=NUMBER, percentage=SHARE)),
    ),
    "ArmResource": _object("id name type", id=TEXT, name=TEXT, type=TEXT, properties=ANY_OBJECT),
    "ArmList": _object("value", value=_list(ANY_OBJECT), nextLink=TEXT),
    "PolicyDefinition": _object(
        "id name type properties",
        id=TEXT,
        name=TEXT,
        type=TEXT,
        properties=_object(
            displayName=TEXT,
            description=TEXT,
            policyType=TEXT,
            mode=TEXT,
            metadata=ANY_OBJECT,
            parameters=ANY_OBJECT,
            policyRule=ANY_OBJECT,
        ),
        systemData=ANY_OBJECT,
    ),
    "PolicyDefinitionWrite": _object(
        "properties",
        properties=_object(
            "policyRule",
            displayName=TEXT,
            description=TEXT,
            mode=TEXT,
            metadata=ANY_OBJECT,
            parameters=ANY_OBJECT,
            policyRule=ANY_OBJECT,
        ),
    ),
    "PolicyAssignment": _object(
        "id name type properties",
        id=TEXT,
        name=TEXT,
        type=TEXT,
        properties=ANY_OBJECT,
        systemData=ANY_OBJECT,
    ),
    "PolicyAssignmentWrite": _object(
        "properties",
        properties=_object(
            "policyDefinitionId",
            policyDefinitionId=TEXT,
            displayName=TEXT,
            description=TEXT,
            parameters=ANY_OBJECT,
            notScopes=_list(TEXT),
            enforcementMode={"enum": ["Default", "DoNotEnforce"]},
            metadata=ANY_OBJECT,
        ),
    ),
    "QueryResults": _object("value", value=_list(ANY_OBJECT)),
}
