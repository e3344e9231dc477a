import copy

import pytest

from pratique.kube import status


def phases(world):
    return sorted(pod["status"].get("phase", "") for pod in world.pods())


async def change(world, resource, name, edit):
    obj = copy.deepcopy(world.api.get(resource, name, "default"))
    edit(obj)
    return await world.api.update(resource, obj)


def available(world, name, count):
    def look():
        deployment = world.api.get("deployments.apps", name, "default")
        found = deployment["status"]
        settled = found.get("observedGeneration") == deployment["metadata"]["generation"]
        same = (
            found.get("replicas", 0) == found.get("updatedReplicas", 0) == found.get("availableReplicas", 0)
        )
        return settled and same and found.get("availableReplicas", 0) == count

    return look


def test_a_deployment_becomes_running_pods_and_goes_with_all_it_made(play):
    async def scene(world):
        await world.api.create(
            "deployments.apps", world.workload("Deployment", "web", replicas=2), namespace="default"
        )
        await world.until(available(world, "web", 2))
        assert phases(world) == ["Running", "Running"]
        (replica_set,) = world.api.list("replicasets.apps")
        short = replica_set["metadata"]["labels"]["pod-template-hash"]
        assert all(pod["metadata"]["name"].startswith(f"web-{short}-") for pod in world.pods())
        assert world.messages("ScalingReplicaSet") == [f"Scaled up replica set web-{short} from 0 to 2"]
        await world.api.delete("deployments.apps", "web", namespace="default", propagation="Background")
        await world.until(lambda: not world.api.list("replicasets.apps") and not world.api.list("pods"))

    play(scene)


def test_a_rollout_never_has_fewer_pods_than_allowed_and_keeps_its_history(play):
    async def scene(world):
        seen = []
        api = world.api
        await api.create(
            "deployments.apps",
            world.workload("Deployment", "web", replicas=4, revisionHistoryLimit=1),
            namespace="default",
        )
        await world.until(available(world, "web", 4))
        api.subscribe(
            lambda *change: seen.append(
                len([p for p in world.pods() if p["status"].get("phase") == "Running"])
            )
        )
        for image in ("nginx:2", "nginx:3", "nginx:1"):
            await change(
                world,
                "deployments.apps",
                "web",
                lambda d, image=image: d["spec"]["template"]["spec"]["containers"][0].update(image=image),
            )
            await world.until(available(world, "web", 4))
        assert min(seen) >= 3  # 25 % of 4 may be missing
        await world.until(lambda: len(api.list("replicasets.apps")) == 2)
        revision = "deployment.kubernetes.io/revision"
        assert api.get("deployments.apps", "web", "default")["metadata"]["annotations"][revision] == "4"

    play(scene)


def test_a_recreated_deployment_ends_its_old_pods_first(play):
    async def scene(world):
        most = []
        recreate = world.workload("Deployment", "web", replicas=2, strategy={"type": "Recreate"})
        await world.api.create("deployments.apps", recreate, namespace="default")
        await world.until(available(world, "web", 2))
        world.api.subscribe(lambda *change: most.append(len(world.api.list("pods"))))
        await change(
            world,
            "deployments.apps",
            "web",
            lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image="nginx:2"),
        )
        await world.until(available(world, "web", 2))
        assert max(most) == 2

    play(scene)


def test_a_refused_pod_is_told_in_events_and_conditions(play):
    async def scene(world):
        spec = {"serviceAccountName": "ghost"}
        refused = world.workload("Deployment", "web")
        refused["spec"]["template"] = world.template({"app": "web"}, **spec)
        await world.api.create("deployments.apps", refused, namespace="default")
        (said,) = await world.until(lambda: world.messages("FailedCreate"))
        assert said.startswith('Error creating: pods "web-')
        assert said.endswith(
            '-" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found'
        )

        def failure():
            found = world.api.get("deployments.apps", "web", "default")["status"].get("conditions", [])
            return next((c for c in found if c["type"] == "ReplicaFailure"), None)

        assert (await world.until(failure))["message"] == said.removeprefix("Error creating: ")
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ghost"}}
        await world.api.create("serviceaccounts", account, namespace="default")
        await world.until(available(world, "web", 1))
        assert failure() is None

    play(scene)


def test_a_replica_set_takes_strays_in_and_lets_them_go(play):
    async def scene(world):
        stray = {"apiVersion": "v1", "kind": "Pod", **world.template({"app": "front"})}
        stray["metadata"]["name"] = "stray"
        await world.api.create("pods", stray, namespace="default")
        await world.api.create(
            "replicasets.apps", world.workload("ReplicaSet", "front", replicas=2), namespace="default"
        )
        await world.until(lambda: len(world.pods()) == 2 and phases(world) == ["Running"] * 2)
        assert world.api.get("pods", "stray", "default")["metadata"]["ownerReferences"][0]["name"] == "front"
        await change(world, "pods", "stray", lambda pod: pod["metadata"].pop("labels"))
        await world.until(lambda: len(world.pods()) == 3)
        assert "ownerReferences" not in world.api.get("pods", "stray", "default")["metadata"]

    play(scene)


def test_a_stateful_set_numbers_its_pods_and_rolls_backwards(play):
    async def scene(world):
        made = []
        world.api.subscribe(
            lambda kind, resource, obj: (
                resource == "pods" and kind == "ADDED" and made.append(obj["metadata"]["name"])
            )
        )
        claims = [
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ]
        db = world.workload("StatefulSet", "db", replicas=3, serviceName="db", volumeClaimTemplates=claims)
        await world.api.create("statefulsets.apps", db, namespace="default")

        def rolled():
            found = world.api.get("statefulsets.apps", "db", "default")
            newest = found["status"].get("observedGeneration") == found["metadata"]["generation"]
            return (
                newest
                and found["status"].get("updatedReplicas") == 3
                and found["status"]["availableReplicas"] == 3
            )

        await world.until(rolled)
        assert made == ["db-0", "db-1", "db-2"]
        assert sorted(c["metadata"]["name"] for c in world.api.list("persistentvolumeclaims")) == [
            *("data-db-0", "data-db-1", "data-db-2")
        ]
        made.clear()
        await change(
            world,
            "statefulsets.apps",
            "db",
            lambda s: s["spec"]["template"]["spec"]["containers"][0].update(image="nginx:2"),
        )
        await world.until(rolled)
        assert made == ["db-2", "db-1", "db-0"]
        assert len(world.api.list("controllerrevisions.apps")) == 2

    play(scene)


def test_a_daemon_set_follows_the_node(play):
    async def scene(world):
        await world.api.create("daemonsets.apps", world.workload("DaemonSet", "agent"), namespace="default")
        await world.until(lambda: phases(world) == ["Running"])
        await change(
            world,
            "daemonsets.apps",
            "agent",
            lambda d: d["spec"]["template"]["spec"].update(nodeSelector={"none": "here"}),
        )
        await world.until(lambda: not world.api.list("pods"))
        node = copy.deepcopy(world.api.get("nodes", "node-0"))
        node["metadata"]["labels"]["none"] = "here"
        await world.api.update("nodes", node)
        await world.until(lambda: phases(world) == ["Running"])

    play(scene)


def job(name, **spec):
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1"}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": pod, **spec},
    }


def finished(world, name):
    def look():
        found = (world.api.get("jobs.batch", name, "default") or {}).get("status", {}).get("conditions", [])
        return next((c["type"] for c in found if c["type"] in ("Complete", "Failed")), None)

    return look


def test_a_job_runs_as_many_pods_as_it_needs(play):
    async def scene(world):
        await world.api.create("jobs.batch", job("j", completions=3, parallelism=2), namespace="default")
        assert await world.until(finished(world, "j")) == "Complete"
        found = world.api.get("jobs.batch", "j", "default")["status"]
        assert (found["succeeded"], found.get("active", 0)) == (3, 0)
        assert world.messages("Completed") == ["Job completed"]

    play(scene)


def test_an_indexed_job_numbers_its_pods(play):
    async def scene(world):
        await world.api.create(
            "jobs.batch",
            job("j", completions=2, parallelism=2, completionMode="Indexed"),
            namespace="default",
        )
        await world.until(finished(world, "j"))
        index = "batch.kubernetes.io/job-completion-index"
        assert sorted(pod["metadata"]["annotations"][index] for pod in world.pods()) == ["0", "1"]

    play(scene)


def test_a_cron_job_makes_jobs_when_it_is_due_and_keeps_the_latest(play):
    async def scene(world):
        cron = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "tick"},
            "spec": {
                "schedule": "@every 1s",
                "successfulJobsHistoryLimit": 1,
                "jobTemplate": {"spec": job("x")["spec"]},
            },
        }
        made = set()
        world.api.subscribe(
            lambda kind, resource, obj: resource == "jobs.batch" and made.add(obj["metadata"]["name"])
        )
        await world.api.create("cronjobs.batch", cron, namespace="default")
        await world.until(lambda: made)
        await world.until(
            lambda: "lastScheduleTime" in world.api.get("cronjobs.batch", "tick", "default")["status"]
        )

    play(scene)


def test_a_namespace_gets_its_account_and_is_emptied_in_the_end(play):
    async def scene(world):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
        await world.api.create("namespaces", space)
        await world.until(lambda: world.api.get("serviceaccounts", "default", "x"))
        certificates = await world.until(lambda: world.api.get("configmaps", "kube-root-ca.crt", "x"))
        assert certificates["data"] == {"ca.crt": "CA"}
        held = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "held", "finalizers": ["a.b/c"]},
        }
        await world.api.create("configmaps", held, namespace="x")
        await world.api.delete("namespaces", "x")
        with pytest.raises(status.StatusError, match="because it is being terminated"):
            await world.api.create("configmaps", {**held, "metadata": {"name": "late"}}, namespace="x")

        def said():
            found = world.api.get("namespaces", "x")["status"].get("conditions", [])
            return next((c["message"] for c in found if c["type"] == "NamespaceFinalizersRemaining"), None)

        assert (await world.until(said)).endswith("finalizers remaining: a.b/c in 1 resource instances")
        freed = copy.deepcopy(world.api.get("configmaps", "held", "x"))
        del freed["metadata"]["finalizers"]
        await world.api.update("configmaps", freed)
        await world.until(lambda: world.api.get("namespaces", "x") is None)

    play(scene)


@pytest.mark.parametrize("propagation", ["Orphan", "Foreground"])
def test_what_becomes_of_the_owned(play, propagation):
    async def scene(world):
        await world.api.create(
            "replicasets.apps", world.workload("ReplicaSet", "front", replicas=2), namespace="default"
        )
        await world.until(lambda: phases(world) == ["Running"] * 2)
        order = []
        world.api.subscribe(lambda kind, resource, obj: kind == "DELETED" and order.append(resource))
        await world.api.delete("replicasets.apps", "front", namespace="default", propagation=propagation)
        await world.until(lambda: not world.api.list("replicasets.apps"))
        if propagation == "Orphan":
            assert len(world.pods()) == 2
            assert not any("ownerReferences" in pod["metadata"] for pod in world.pods())
        else:
            assert order == ["pods", "pods", "replicasets.apps"]

    play(scene)


def test_endpoints_name_ready_pods_by_their_port(play):
    async def scene(world):
        pod = {"apiVersion": "v1", "kind": "Pod", **world.template({"app": "web"})}
        pod["metadata"]["name"] = "p"
        pod["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
        ports = [{"port": 80, "targetPort": "http"}]
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s"},
            "spec": {"selector": {"app": "web"}, "ports": ports},
        }
        await world.api.create("services", service, namespace="default")
        await world.api.create("pods", pod, namespace="default")

        def subset():
            return ((world.api.get("endpoints", "s", "default") or {}).get("subsets") or [{}])[0].get(
                "addresses"
            )

        (address,) = await world.until(subset)
        assert address["targetRef"]["name"] == "p"
        assert world.api.get("endpoints", "s", "default")["subsets"][0]["ports"][0]["port"] == 8080
        (piece,) = world.api.list("endpointslices.discovery.k8s.io", "default")
        assert piece["endpoints"][0]["conditions"]["ready"] is True

    play(scene)


def test_a_quota_counts_and_refuses(play):
    async def scene(world):
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "q"},
            "spec": {"hard": {"configmaps": "2"}},
        }
        await world.api.create("resourcequotas", quota, namespace="default")
        await world.until(
            lambda: world.api.get("resourcequotas", "q", "default").get("status", {}).get("used")
        )
        one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
        await world.api.create("configmaps", one, namespace="default")
        with pytest.raises(status.StatusError) as refused:
            await world.api.create("configmaps", {**one, "metadata": {"name": "two"}}, namespace="default")
        assert refused.value.message == (
            'configmaps "two" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, '
            "limited: configmaps=2"
        )

    play(scene)
