"""`Microsoft.PolicyInsights`: policy states, component states, summaries, and asking for an evaluation."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pratique.service.actions import insights
from pratique.service.actions.insights import Query, Results
from pratique.service.errors import RequestError
from pratique.service.routes.table import Answer, Call, Document, Operation

PROVIDER = "{scope}/providers/Microsoft.PolicyInsights"
OPTIONS = ("$filter", "$apply", "$orderby", "$select", "$expand", "$top", "$skiptoken", "$from", "$to")


def query_states(call: Call) -> Document:
    """Return policy states."""
    if call.params["resource"].casefold() not in ("latest", "default"):
        raise RequestError(
            f"there are no policy states `{call.params['resource']}`", hint="ask for `latest` or `default`"
        )
    scope = call.params["scope"]
    return _answer(call, insights.query_states(call.context, scope, _query(call)), "policyStates")


def query_components(call: Call) -> Document:
    """Return the states of components."""
    scope = call.params["scope"]
    found = insights.query_components(call.context, scope, _query(call))
    return _answer(call, found, "componentPolicyStates")


def summarize(call: Call) -> Document:
    """Return the summary."""
    scope = call.params["scope"]
    found = insights.summarize(call.context, scope, _query(call), base=call.origin)
    context = f"{_metadata(call, 'policyStates')}summary"
    return {
        "@odata.context": context,
        "@odata.count": 1,
        "value": [{"@odata.id": None, "@odata.context": f"{context}/$entity", **found}],
    }


def trigger(call: Call) -> Answer:
    """Answer that the evaluation is done: agents judge continuously, so there is nothing to wait for."""
    insights.query_states(call.context, call.params["scope"], Query(top="1"))  # the scope must exist
    location = (
        f"{call.origin}{call.params['scope']}/providers/Microsoft.PolicyInsights"
        f"/asyncOperationResults/continuous?api-version=2019-10-01"
    )
    return Answer(None, 202, {"Location": location, "Retry-After": "1"})


def triggered(_call: Call) -> Document:
    """Say that the evaluation has succeeded."""
    return {"status": "Succeeded"}


def events(call: Call) -> Document:
    """Return policy events: none, an in-cluster policy makes denials, which `/api/v1/denials` lists."""
    return {"@odata.context": _metadata(call, "policyEvents"), "@odata.count": 0, "value": []}


def _query(call: Call) -> Query:
    return Query(
        filter=call.option("$filter"),
        apply=call.option("$apply"),
        orderby=call.option("$orderby"),
        select=call.option("$select"),
        expand=call.option("$expand"),
        top=call.option("$top"),
        skip=call.option("$skiptoken"),
        start=call.option("$from"),
        end=call.option("$to"),
    )


def _answer(call: Call, found: Results, kind: str) -> Document:
    context = f"{_metadata(call, kind)}latest"
    rows: list[Any] = found.rows
    if not found.aggregated:
        rows = [{"@odata.id": None, "@odata.context": f"{context}/$entity", **row} for row in rows]
    answer: Document = {"@odata.context": context, "@odata.count": len(rows), "value": rows}
    if found.next:
        query = {**call.query, "$skiptoken": found.next}
        answer["@odata.nextLink"] = f"{call.origin}{call.params['path']}?{urlencode(query)}"
    return answer


def _metadata(call: Call, kind: str) -> str:
    scope = call.params["scope"]
    return f"{call.origin}{scope}/providers/Microsoft.PolicyInsights/{kind}/$metadata#"


def _operation(method: str, path: str, summary: str, handler: Any, *, status: int = 200) -> Operation:
    return Operation(
        method,
        f"{PROVIDER}/{path}",
        summary,
        handler,
        query=OPTIONS if method == "POST" else (),
        answer="QueryResults" if method == "POST" and status == 200 else "Object",
        status=status,
        tag="insights",
    )


OPERATIONS = [
    _operation("POST", "policyStates/latest/summarize", "Summarize compliance", summarize),
    _operation("POST", "policyStates/latest/triggerEvaluation", "Ask for an evaluation", trigger, status=202),
    _operation("GET", "asyncOperationResults/{id}", "How an evaluation stands", triggered),
    _operation("POST", "policyStates/{resource}/queryResults", "Query policy states", query_states),
    _operation(
        "POST", "componentPolicyStates/latest/queryResults", "Query component states", query_components
    ),
    _operation("POST", "policyEvents/default/queryResults", "Query policy events", events),
]
