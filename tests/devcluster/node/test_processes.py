"""Pods of a mapped image are processes: started, probed, read, killed, started again, ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

SERVER = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *a): pass
signal.signal(signal.SIGTERM, lambda *a: (print("bye", flush=True), sys.exit(0)))
print("args", sys.argv[1:], flush=True)
print("account", sorted(os.listdir(os.environ["KUBERNETES_SERVICEACCOUNT_DIR"])), file=sys.stderr, flush=True)
http.server.HTTPServer((os.environ["POD_IP"], 8080), Handler).serve_forever()
"""
COMMAND = ("python", "-c", SERVER)


def deployment(world, replicas=1, **container):
    made = world.workload("Deployment", "web", replicas=replicas, image="demo:1")
    made["spec"]["template"]["spec"]["containers"][0].update(
        args=["--address=$(POD_IP)"],
        env=[{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        ports=[{"name": "http", "containerPort": 8080}],
        readinessProbe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
        **container,
    )
    return made


def ready(world, count):
    def look():
        found = [
            pod
            for pod in world.pods()
            if all(c["ready"] for c in pod["status"].get("containerStatuses", [{"ready": False}]))
        ]
        return found if len(found) == count else None

    return look


async def ask(address):
    reader, writer = await asyncio.open_connection(address, 8080)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return int(answer.rsplit(b"\n", 1)[1])


async def read(world, pod, **options):
    return b"".join([chunk async for chunk in await world.node.logs(pod, "c", **options)]).decode()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_replicas_listen_on_the_same_port_of_their_own_addresses(play):
    async def scene(world):
        await world.api.create("deployments.apps", deployment(world, replicas=2), namespace="default")
        pods = await world.until(ready(world, 2))
        addresses = {pod["status"]["podIP"] for pod in pods}
        assert len(addresses) == 2
        assert len({await ask(address) for address in addresses}) == 2
        text = await read(world, pods[0])
        assert f"args ['--address={pods[0]['status']['podIP']}']\n" in text
        assert "account ['ca.crt', 'namespace', 'token']\n" in text
        assert (await read(world, pods[0], tail=1)).count("\n") == 1
        assert (await read(world, pods[0], tail=1, timestamps=True)).startswith("20")

    play(scene, images={"demo:1": COMMAND})


def test_a_killed_process_is_shown_and_started_again(play):
    async def scene(world):
        await world.api.create("deployments.apps", deployment(world), namespace="default")
        (pod,) = await world.until(ready(world, 1))
        pid = await ask(pod["status"]["podIP"])
        unready = []
        world.api.subscribe(
            lambda kind, resource, obj: (
                resource == "pods" and unready.append(obj["status"]["containerStatuses"][0]["ready"])
            )
        )
        os.kill(pid, signal.SIGKILL)

        def again():
            found = world.api.get("pods", pod["metadata"]["name"], "default")["status"]["containerStatuses"][
                0
            ]
            return found if found["ready"] and found["restartCount"] == 1 else None

        container = await world.until(again)
        assert False in unready
        assert container["lastState"]["terminated"]["exitCode"] == 137
        assert await ask(pod["status"]["podIP"]) != pid
        assert "args" in await read(world, pod, previous=True)

    play(scene, images={"demo:1": COMMAND})


def test_a_deleted_pod_may_say_goodbye_to_who_follows_its_log(play):
    async def scene(world):
        await world.api.create("deployments.apps", deployment(world), namespace="default")
        (pod,) = await world.until(ready(world, 1))
        pid = await ask(pod["status"]["podIP"])
        following = asyncio.create_task(read(world, pod, follow=True))
        await world.api.delete("deployments.apps", "web", namespace="default", propagation="Background")
        await world.until(lambda: not world.api.list("pods"))
        assert not alive(pid)
        async with asyncio.timeout(30):
            assert (await following).endswith("bye\n")

    play(scene, images={"demo:1": COMMAND})


def test_all_processes_end_with_the_node(play):
    pids = []

    async def scene(world):
        await world.api.create("deployments.apps", deployment(world, replicas=2), namespace="default")
        pids.extend([await ask(pod["status"]["podIP"]) for pod in await world.until(ready(world, 2))])

    play(scene, images={"demo:1": COMMAND})
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_a_program_that_is_not_there_is_told(play):
    async def scene(world):
        await world.api.create("deployments.apps", deployment(world), namespace="default")

        def state():
            statuses = [pod["status"].get("containerStatuses") for pod in world.pods()]
            return next(
                (
                    s[0]["state"]["waiting"]
                    for s in statuses
                    if s and s[0]["state"].get("waiting", {}).get("message")
                ),
                None,
            )

        assert await world.until(state) == {
            "reason": "RunContainerError",
            "message": "/no/such: No such file or directory",
        }

    play(scene, images={"demo:1": ("/no/such",)})


def test_a_missing_secret_holds_the_container_back_until_it_is_there(play):
    async def scene(world):
        made = deployment(world)
        reference = {"secretKeyRef": {"name": "s", "key": "k"}}
        made["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "S", "valueFrom": reference})
        await world.api.create("deployments.apps", made, namespace="default")

        def reason():
            statuses = [pod["status"].get("containerStatuses") for pod in world.pods()]
            return next(
                (
                    s[0]["state"]["waiting"]["message"]
                    for s in statuses
                    if s and s[0]["state"].get("waiting", {}).get("message")
                ),
                None,
            )

        assert await world.until(reason) == 'secret "s" not found'
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "eA=="}}
        await world.api.create("secrets", secret, namespace="default")
        await world.until(ready(world, 1))

    play(scene, images={"demo:1": COMMAND})


def test_a_service_is_offered_on_a_local_port(play, unused_port):
    async def scene(world):
        await world.api.create("deployments.apps", deployment(world), namespace="default")
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 443, "targetPort": "http"}]},
        }
        await world.api.create("services", service, namespace="default")
        (pod,) = await world.until(ready(world, 1))
        await world.until(
            lambda: (
                (world.api.get("endpoints", "web", "default") or {}).get("subsets", [{}])[0].get("addresses")
            )
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert int(answer.rsplit(b"\n", 1)[1]) == await ask(pod["status"]["podIP"])

    play(scene, images={"demo:1": COMMAND}, services={("default", "web"): unused_port})


def test_pods_of_other_images_run_nothing_and_have_no_output(play):
    async def scene(world):
        await world.api.create(
            "deployments.apps", world.workload("Deployment", "web", replicas=1), namespace="default"
        )
        (pod,) = await world.until(ready(world, 1))
        assert await read(world, pod) == ""
        assert not list((world.settings.state_dir / "pods").glob("*"))

    play(scene, images={"demo:1": (sys.executable,)})
