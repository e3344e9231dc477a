"""Cluster roles are put together from others by their labels."""

from pratique.devcluster.authorization import RBAC

ROLES = f"clusterroles.{RBAC}"


def role(name, rules, **more):
    meta = {"name": name, "labels": more.pop("labels", {})}
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules, **more}


def test_rules_of_chosen_roles_are_collected_each_once(play):
    one = {"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"]}
    two = {"apiGroups": ["example.com"], "resources": ["others"], "verbs": ["list"]}

    async def scene(world):
        selectors = {"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]}
        await world.api.create(ROLES, role("whole", [], aggregationRule=selectors))
        await world.api.create(ROLES, role("b", [one, two], labels={"part": "yes"}))
        await world.api.create(ROLES, role("a", [one], labels={"part": "yes"}))
        await world.api.create(ROLES, role("c", [two], labels={"part": "no"}))
        await world.until(lambda: world.api.get(ROLES, "whole")["rules"] == [one, two])
        await world.api.delete(ROLES, "b")
        await world.until(lambda: world.api.get(ROLES, "whole")["rules"] == [one])

    play(scene)
