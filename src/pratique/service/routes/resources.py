"""The resources that scopes are made of: tenant, subscription, providers, resource group, clusters."""

from __future__ import annotations

from pratique.service.actions import fleet
from pratique.service.errors import MissingError
from pratique.service.routes.table import ALL, Answer, Call, Document, Operation
from pratique.service.world import RESOURCE_GROUP

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
CLUSTERS = "providers/Microsoft.ContainerService/managedClusters"

PROVIDERS = {
    "Microsoft.Authorization": ("policyDefinitions", "policySetDefinitions", "policyAssignments"),
    "Microsoft.PolicyInsights": ("policyStates", "componentPolicyStates"),
    "Microsoft.ContainerService": ("managedClusters",),
    "Microsoft.Resources": ("subscriptions", "resourceGroups"),
    "Microsoft.Management": ("managementGroups",),
}
API_VERSIONS = ["2025-11-01", "2024-11-01", "2022-12-01", "2021-06-01", "2019-10-01"]


def tenants(call: Call) -> Document:
    """List the one tenant."""
    world = call.context.world
    return {
        "value": [
            {
                "id": f"/tenants/{world.tenant}",
                "tenantId": world.tenant,
                "displayName": "Pratique",
                "defaultDomain": "pratique.local",
                "tenantCategory": "Home",
            }
        ]
    }


def subscriptions(call: Call) -> Document:
    """List the one subscription."""
    return {"value": [_subscription(call)]}


def subscription(call: Call) -> Document:
    """Show the subscription."""
    _check_subscription(call)
    return _subscription(call)


def locations(call: Call) -> Document:
    """List the places that clusters are in."""
    _check_subscription(call)
    names = {call.context.world.location, *(row["location"] for row in fleet.list_all(call.context))}
    return {
        "value": [
            {
                "id": f"{call.context.world.subscription_id}/locations/{name}",
                "name": name,
                "displayName": name,
                "regionalDisplayName": name,
            }
            for name in sorted(names)
        ]
    }


def groups(call: Call) -> Document:
    """List the one resource group."""
    _check_subscription(call)
    return {"value": [_group(call)]}


def group(call: Call) -> Document:
    """Show the resource group."""
    _check_group(call)
    return _group(call)


def head_group(call: Call) -> Answer:
    """Say whether the resource group is there."""
    _check_group(call)
    return Answer(status=204)


def managed_clusters(call: Call) -> Document:
    """List the clusters."""
    (_check_group if "group" in call.params else _check_subscription)(call)
    return {"value": [fleet.as_resource(row) for row in fleet.list_rows(call.context)]}


def managed_cluster(call: Call) -> Document:
    """Show a cluster."""
    _check_group(call)
    return fleet.as_resource(fleet.get_row(call.context, call.params["cluster"]))


def all_resources(call: Call) -> Document:
    """List the resources."""
    (_check_group if "group" in call.params else _check_subscription)(call)
    found = []
    for row in fleet.list_rows(call.context):
        document = fleet.as_resource(row)
        found.append({name: document[name] for name in ("id", "name", "type", "location", "tags")})
    return {"value": found}


def providers(call: Call) -> Document:
    """List the resource providers."""
    _check_subscription(call)
    return {"value": [_provider(call, name) for name in PROVIDERS]}


def provider(call: Call) -> Document:
    """Show a resource provider; registering one changes nothing, all are registered."""
    _check_subscription(call)
    wanted = call.params["namespace"].casefold()
    name = next((name for name in PROVIDERS if name.casefold() == wanted), None)
    if name is None:
        raise MissingError(
            f"there is no resource provider `{call.params['namespace']}`",
            code="InvalidResourceNamespace",
            hint=f"there are {', '.join(PROVIDERS)}",
        )
    return _provider(call, name)


def _subscription(call: Call) -> Document:
    world = call.context.world
    return {
        "id": world.subscription_id,
        "subscriptionId": world.subscription,
        "tenantId": world.tenant,
        "displayName": "Pratique",
        "state": "Enabled",
        "subscriptionPolicies": {},
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def _group(call: Call) -> Document:
    world = call.context.world
    return {
        "id": world.group_id,
        "name": RESOURCE_GROUP,
        "type": "Microsoft.Resources/resourceGroups",
        "location": world.location,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def _provider(call: Call, name: str) -> Document:
    return {
        "id": f"{call.context.world.subscription_id}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": [
            {"resourceType": kind, "locations": [call.context.world.location], "apiVersions": API_VERSIONS}
            for kind in PROVIDERS[name]
        ],
    }


def _check_subscription(call: Call) -> None:
    call.context.world.locate(f"/subscriptions/{call.params['subscription']}", ())


def _check_group(call: Call) -> None:
    place = f"/subscriptions/{call.params['subscription']}/resourceGroups/{call.params['group']}"
    call.context.world.locate(place, ())


OPERATIONS = [
    Operation("GET", "/tenants", "List the tenant", tenants, tag="resources", answer="ArmList"),
    Operation(
        "GET", "/subscriptions", "List the subscription", subscriptions, tag="resources", answer="ArmList"
    ),
    Operation("GET", SUBSCRIPTION, "Show the subscription", subscription, tag="resources", answer="Object"),
    Operation(
        "GET", f"{SUBSCRIPTION}/locations", "List locations", locations, tag="resources", answer="ArmList"
    ),
    Operation(
        "GET", f"{SUBSCRIPTION}/resources", "List resources", all_resources, tag="resources", answer="ArmList"
    ),
    Operation(
        "GET", f"{GROUP}/resources", "List resources", all_resources, tag="resources", answer="ArmList"
    ),
    Operation(
        "GET",
        f"{SUBSCRIPTION}/resourceGroups",
        "List resource groups",
        groups,
        tag="resources",
        answer="ArmList",
    ),
    Operation("GET", GROUP, "Show a resource group", group, tag="resources", answer="ArmResource"),
    Operation("HEAD", GROUP, "Whether a resource group exists", head_group, tag="resources", status=204),
    Operation(
        "GET", f"{SUBSCRIPTION}/providers", "List providers", providers, tag="resources", answer="ArmList"
    ),
    Operation(
        "GET",
        f"{SUBSCRIPTION}/{CLUSTERS}",
        "List clusters",
        managed_clusters,
        tag="resources",
        answer="ArmList",
    ),
    Operation(
        "GET", f"{GROUP}/{CLUSTERS}", "List clusters", managed_clusters, tag="resources", answer="ArmList"
    ),
    Operation(
        "GET",
        f"{GROUP}/{CLUSTERS}/{{cluster}}",
        "Show a cluster",
        managed_cluster,
        ALL,
        tag="resources",
        answer="ArmResource",
    ),
    Operation(
        "GET",
        f"{SUBSCRIPTION}/providers/{{namespace}}",
        "Show a provider",
        provider,
        tag="resources",
        answer="Object",
    ),
    Operation(
        "POST",
        f"{SUBSCRIPTION}/providers/{{namespace}}/register",
        "Register a provider",
        provider,
        tag="resources",
        answer="Object",
    ),
]
