"""Nobody grants what they do not hold."""

import asyncio

import pytest

from pratique.devcluster.api import Api
from pratique.devcluster.authorization import RBAC
from pratique.devcluster.store import Store
from pratique.devcluster.users import UserInfo
from pratique.kube.status import StatusError

JANE = UserInfo("jane", ("system:authenticated",), "", {})
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "delete"]}
MAKES_ROLES = {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["create", "update"]}


def role(name, *rules, kind="Role", **more):
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": list(rules),
        **more,
    }


def binding(name, kind, target, user="jane"):
    subject = {"kind": "User", "name": user, "apiGroup": RBAC}
    reference = {"apiGroup": RBAC, "kind": kind, "name": target}
    meta = {"name": name}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": reference,
        "subjects": [subject],
    }


async def world(*rules):
    """Return an API in which jane holds these rules in the namespace `default`."""
    api = Api(Store())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    await api.create("namespaces", namespace)
    await api.create(f"roles.{RBAC}", role("hers", *rules), namespace="default")
    await api.create(f"rolebindings.{RBAC}", binding("hers", "Role", "hers"), namespace="default")
    return api


def written(*rules, made, resource="roles"):
    """Write an object as jane, who holds `rules`; return the refusal, or an empty text."""

    async def scene():
        api = await world(*rules)
        try:
            await api.create(f"{resource}.{RBAC}", made, namespace="default", user=JANE)
        except StatusError as error:
            return str(error.message)
        finally:
            await api.close()
        return ""

    return asyncio.run(scene())


def test_a_role_with_more_than_its_author_has_is_refused_by_thing_and_verb():
    told = written(PODS, made=role("wide", PODS, SECRETS))
    assert told == (
        'roles.rbac.authorization.k8s.io "wide" is forbidden: user "jane" (groups=["system:authenticated"]) is'
        " attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}'
    )


@pytest.mark.parametrize(
    ("held", "granted"),
    [
        (PODS, PODS),
        ({**PODS, "verbs": ["*"]}, PODS),
        ({**PODS, "resources": ["*"]}, {**PODS, "resources": ["pods/log"]}),
        ({**PODS, "apiGroups": ["*"]}, {**PODS, "resourceNames": ["one"]}),
        ({**PODS, "resourceNames": ["one", "two"]}, {**PODS, "resourceNames": ["two"]}),
        ({"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["escalate"]}, SECRETS),
    ],
)
def test_what_the_author_holds_may_be_granted(held, granted):
    assert written(held, made=role("made", granted)) == ""


def test_a_rule_for_one_name_covers_no_grant_of_all():
    assert "not currently held" in written({**PODS, "resourceNames": ["one"]}, made=role("made", PODS))


def test_a_binding_grants_what_its_role_allows():
    made = binding("other", "Role", "hers", user="john")
    assert written(PODS, made=made, resource="rolebindings") == ""

    async def scene():
        api = await world(PODS)
        await api.create(f"clusterroles.{RBAC}", role("all", SECRETS, kind="ClusterRole"))
        try:
            with pytest.raises(StatusError, match="not currently held"):
                wide = binding("wide", "ClusterRole", "all")
                await api.create(f"rolebindings.{RBAC}", wide, namespace="default", user=JANE)
            bind = {
                "apiGroups": [RBAC],
                "resources": ["clusterroles"],
                "verbs": ["bind"],
                "resourceNames": ["all"],
            }
            await api.create(f"roles.{RBAC}", role("binds", bind), namespace="default")
            await api.create(f"rolebindings.{RBAC}", binding("binds", "Role", "binds"), namespace="default")
            await api.create(f"rolebindings.{RBAC}", wide, namespace="default", user=JANE)
        finally:
            await api.close()

    asyncio.run(scene())
