"""The story of the first day: steps 1-11, 15 and 16, each with what a person sees.

It is played twice: with the kubectl on PATH, and with Debian's of 2021, which speaks to the same server.
The steps build on each other and run in this order; a file stays on one worker (`--dist loadfile`).
"""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Page, expect
from tests.story.conftest import Day, until

LABELS = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
IMAGES = "febd0533-8e55-448f-b837-bd0e06f16469"
OWN_TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: noconfigpasswords
spec:
  crd:
    spec:
      names:
        kind: NoConfigPasswords
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package noconfigpasswords

        violation[{"msg": msg}] {
          some key
          input.review.object.data[key]
          contains(lower(key), "password")
          msg := sprintf("key %v of a ConfigMap looks like a secret", [key])
        }
"""


@pytest.fixture(scope="module", params=["kubectl", "kubectl-1.20"])
def kubectl(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused_pod(day: Day) -> str:
    return day.run("kubectl", "run", "naked", "--image=nginx", "-n", "frond-end", code=1).stderr


def test_01_one_command_starts_everything(day: Day, page: Page) -> None:
    day.start()
    assert re.search(r"is ready after \d+\.\d s", day.output)
    day.notes["client"] = re.search(r"-u (\S+)", day.output)[1]  # type: ignore[index]
    day.notes["secret"] = re.search(r"-p (\S+)", day.output)[1]  # type: ignore[index]
    day.notes["tenant"] = re.search(r"--tenant (\S+)", day.output)[1]  # type: ignore[index]
    page.goto(day.sign_in)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert (day.home.stat().st_mode & 0o777) == 0o700


def test_02_the_node_is_ready(day: Day) -> None:
    until(
        lambda: re.search(r"^\S+ +Ready ", day.kubectl("get", "nodes", "--no-headers"), re.M),
        what="a Ready node",
    )


def test_03_a_deployment_runs(day: Day) -> None:
    assert day.kubectl("create", "ns", "frond-end") == "namespace/frond-end created\n"
    made = day.kubectl("create", "deployment", "nginx", "--namespace=frond-end", "--image=nginx")
    assert made == "deployment.apps/nginx created\n"
    row = r"^nginx-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5} +1/1 +Running +0 "
    until(
        lambda: re.search(row, day.kubectl("get", "pods", "-n", "frond-end"), re.M),
        what="a running nginx pod",
    )


def test_04_the_button_enables_the_addon(day: Day, page: Page) -> None:
    assert "Disabled" in day.pratique("addon", "status")
    page.goto(f"{day.portal}/clusters/embedded")
    page.get_by_role("button", name="Enable the add-on").click()
    expect(page.get_by_role("button", name="Disable the add-on")).to_be_enabled()

    def pods() -> bool:
        table = day.kubectl("get", "pods", "-n", "pratique-system", "--no-headers")
        audit = re.findall(r"^pratique-audit-\S+ +1/1 +Running", table, re.M)
        controllers = re.findall(r"^pratique-controller-manager-\S+ +1/1 +Running", table, re.M)
        return len(audit) == 1 and len(controllers) == 2

    until(pods, what="audit and two controller pods 1/1 Running")
    assert "Enabled" in day.pratique("addon", "status")


def test_05_assign_a_label_policy_in_the_portal(day: Day, page: Page) -> None:
    page.goto(f"{day.portal}/definitions")
    page.get_by_label("Category").select_option("Kubernetes")
    page.get_by_label("Search").fill("label")
    page.get_by_role("link", name="Kubernetes cluster pods should use specified labels", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("specified labels")
    page.get_by_role("link", name="Assign", exact=True).first.click()
    page.get_by_label("Scope").select_option(label="Cluster: embedded")
    page.get_by_label("Assignment name").fill("Pods carry an owner")
    page.get_by_role("button", name="Next: Parameters").click()
    page.locator("input[id='p.labelsList']").fill("owner")
    page.keyboard.press("Enter")
    page.get_by_label("Only show parameters that need input").uncheck()
    page.locator("select[name$=effect]").select_option("Deny")
    page.get_by_role("button", name="Next: Review + create").click()
    expect(page.get_by_text("What will happen")).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Pods carry an owner")).to_be_visible()

    listed = json.loads(day.pratique("assign", "list", "-o", "json"))
    mine = [each for each in listed if each["properties"]["displayName"] == "Pods carry an owner"]
    assert len(mine) == 1
    excluded = mine[0]["properties"]["parameters"].get("excludedNamespaces", {}).get("value")
    assert excluded is None or "kube-system" in excluded
    day.notes["labels"] = mine[0]


def test_06_assign_an_image_policy_with_az(day: Day) -> None:
    endpoint = f"https://127.0.0.1:{day.base + 1}"
    day.az("cloud", "register", "-n", "Pratique", "--endpoint-resource-manager", endpoint)
    day.az("cloud", "set", "-n", "Pratique")
    day.az(
        "login",
        "--service-principal",
        "-u",
        day.notes["client"],
        "-p",
        day.notes["secret"],
        "--tenant",
        day.notes["tenant"],
    )
    scope = day.notes["labels"]["properties"]["scope"]
    parameters = {
        "allowedContainerImagesRegex": {"value": r"^registry\.example/.+$"},
        "effect": {"value": "Audit"},
    }
    arguments = ("--name", "images", "--display-name", "Images come from our registry", "--scope", scope)
    made = day.az(
        "policy", "assignment", "create", *arguments, "--policy", IMAGES, "--params", json.dumps(parameters)
    )
    assert made["displayName"] == "Images come from our registry"
    group = scope.split("/")[4]
    names = {each["displayName"] for each in day.az("policy", "assignment", "list", "-g", group, "-d")}
    assert names == {"Pods carry an owner", "Images come from our registry"}
    definitions = day.az("policy", "definition", "list")
    assert {LABELS, IMAGES} <= {each["name"] for each in definitions}
    assert day.az("policy", "definition", "show", "-n", IMAGES)["policyType"] == "BuiltIn"


def test_07_the_templates_are_in_the_cluster(day: Day) -> None:
    wanted = {"k8sazurev1podenforcelabels", "k8sazurev2containerallowedimages"}
    until(
        lambda: {each["metadata"]["name"] for each in day.objects("constrainttemplates")} == wanted,
        what="both templates in the cluster",
    )
    constraint = until(lambda: day.objects("k8sazurev1podenforcelabels"), what="the constraint")[0]
    assert re.fullmatch(
        r"azurepolicy-k8sazurev1podenforcelabels-[0-9a-f]{20}", constraint["metadata"]["name"]
    )
    assert constraint["metadata"]["annotations"]["azure-policy-assignment-id"] == day.notes["labels"]["id"]
    assert constraint["spec"]["enforcementAction"] == "deny"


def test_08_the_overview_shows_what_is_wrong(day: Day, page: Page) -> None:
    page.goto(f"{day.portal}/compliance")
    for name in ("Pods carry an owner", "Images come from our registry"):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Non-compliant")
        expect(row).to_contain_text("0%")
    page.goto(day.portal)
    expect(page.locator("main")).to_contain_text("Pods carry an owner")
    expect(page.locator("main")).to_contain_text("embedded")


def test_09_the_component_says_why(day: Day, page: Page) -> None:
    page.goto(f"{day.portal}/compliance?by=cluster")
    page.get_by_role("link", name="embedded", exact=True).first.click()
    page.get_by_role("link", name=re.compile("^frond-end.nginx-")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("frond-end/nginx-")
    main = page.locator("main")
    expect(main).to_contain_text('you must provide labels: {"owner"}')
    expect(main).to_contain_text("metadata.labels")
    expect(main).to_contain_text("spec.containers")
    expect(main).to_contain_text("Since")


def test_10_a_repair_shows_without_a_reload(day: Day, page: Page) -> None:
    page.goto(f"{day.portal}/compliance")
    row = page.get_by_role("row").filter(has_text="Pods carry an owner")
    expect(row).to_contain_text("Non-compliant")
    page.evaluate("window.notReloaded = true")
    pod = day.kubectl("get", "pods", "-n", "frond-end", "-o", "name").strip()
    day.kubectl("label", "-n", "frond-end", pod, "owner=dpaulus")
    expect(row).not_to_contain_text("Non-compliant")
    expect(row).to_contain_text("Compliant")
    assert page.evaluate("window.notReloaded") is True


def test_11_a_pod_without_the_label_is_denied(day: Day, page: Page) -> None:
    made = day.kubectl("create", "deployment", "label-test", "--namespace=frond-end", "--image=nginx")
    assert made == "deployment.apps/label-test created\n"
    denial = re.compile(
        r'Error creating: admission webhook "validation\.gatekeeper\.sh" denied the request: '
        r"\[azurepolicy-k8sazurev1podenforcelabels-[0-9a-f]{20}\] you must provide labels: \{\"owner\"\}"
    )
    until(
        lambda: denial.search(day.kubectl("describe", "rs", "-n", "frond-end")),
        what="the denial in describe rs",
    )
    assert denial.search(day.kubectl("get", "events", "-n", "frond-end", "-o", "wide"))
    assert not [
        each for each in day.objects("pods", "-n", "frond-end") if "label-test" in each["metadata"]["name"]
    ]
    page.goto(f"{day.portal}/denials")
    row = page.get_by_role("row").filter(has_text="label-test").first
    expect(row).to_contain_text("system:serviceaccount:kube-system:replicaset-controller")
    expect(row).to_contain_text('you must provide labels: {"owner"}')
    expect(row).to_contain_text("Pods carry an owner")
    assert re.search(r"\[azurepolicy-\S+\] you must provide labels: \{\"owner\"\}", refused_pod(day))


def test_15_a_policy_of_ones_own(day: Day, page: Page) -> None:
    page.goto(f"{day.portal}/definitions/new")
    page.get_by_label("Name").fill("ConfigMaps hold no passwords")
    page.get_by_label("Kinds").fill("ConfigMap")
    page.locator("#template").fill(OWN_TEMPLATE.replace("contains(lower(key)", "containz(lower(key)"))
    page.get_by_role("button", name="Save").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("containz")
    expect(problem).to_contain_text(re.compile(r":\d+:\d+"))
    expect(page.locator("#template")).to_be_focused()  # the page has put the cursor where the mistake is
    page.locator("#template").fill(OWN_TEMPLATE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ConfigMaps hold no passwords")

    page.get_by_role("link", name="Assign", exact=True).first.click()
    page.get_by_label("Scope").select_option(label="Cluster: embedded")
    page.get_by_label("Assignment name").fill("No passwords in ConfigMaps")
    page.get_by_role("button", name="Next: Parameters").click()
    page.locator("select[name$=effect]").select_option("Deny")
    page.get_by_role("button", name="Next: Review + create").click()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="No passwords in ConfigMaps")).to_be_visible()

    def refused() -> bool:
        # A name for each try: what was let through before the policy arrived is there.
        name = f"bad-{time.monotonic_ns()}"
        command = ("create", "configmap", name, "-n", "frond-end", "--from-literal=db-password=x")
        told = day.run("kubectl", *command, code=None).stderr
        return "key db-password of a ConfigMap looks like a secret" in told

    until(refused, what="the policy of one's own refuses")
    day.kubectl("create", "configmap", "good", "-n", "frond-end", "--from-literal=color=blue")


def test_16_deleting_an_assignment_ends_it(day: Day, page: Page) -> None:
    scope = day.notes["labels"]["properties"]["scope"]
    day.az("policy", "assignment", "delete", "--name", "images", "--scope", scope)
    until(
        lambda: (
            "k8sazurev2containerallowedimages"
            not in {each["metadata"]["name"] for each in day.objects("constrainttemplates")}
        ),
        what="the template is gone",
    )
    page.goto(f"{day.portal}/compliance")
    expect(page.get_by_role("row").filter(has_text="Pods carry an owner")).to_be_visible()
    expect(page.get_by_text("Images come from our registry")).to_have_count(0)
    states = day.az("policy", "state", "list")
    assert not [each for each in states if each["policyAssignmentName"] == "images"]
    summary = day.az("policy", "state", "summarize")
    assert summary["policyAssignments"]
    page.goto(f"{day.portal}/activity")
    row = (
        page.get_by_role("row")
        .filter(has_text=re.compile("assignment.*delete|delete.*assignment", re.I))
        .first
    )
    expect(row).to_contain_text(day.notes["client"])


def test_17_a_second_start_finds_everything(day: Day, page: Page) -> None:
    assert day.stop() == 0
    day.start()
    assert "password" not in day.output
    assert day.kubectl("get", "ns", "frond-end", "--no-headers").startswith("frond-end")
    page.goto(day.sign_in)
    page.goto(f"{day.portal}/assignments")
    expect(page.get_by_text("Pods carry an owner")).to_be_visible()
    assert "denied the request" in refused_pod(day)
