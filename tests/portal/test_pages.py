"""Each page shows what the service knows, and its forms do what they say, in a browser without scripts."""

from __future__ import annotations

import re

from tests.portal.browser import Session
from tests.portal.world import Background, World

LABELS = "Kubernetes cluster pods should use specified labels"


def test_overview_counts_what_is_wrong_and_where(session: Session) -> None:
    page = session.get("/")
    assert "3 non-compliant components" in page.text
    assert "2 of 2 policies with violations" in page.text
    assert "93.8% of components comply" in page.text
    assert "system:serviceaccount:kube-system:replicaset-controller" in page.text
    assert "Three steps" not in page.text
    assert 'role="img" aria-label="Overall compliance: 0%; 1 non-compliant"' in page.html


def test_a_new_installation_says_what_to_do_next(empty: World) -> None:
    with Session(empty.url) as person:
        page = person.sign_in(empty.username, empty.password)
        assert "Three steps to your first result" in page.text
        assert "1 of 3 done" in page.text
        for path, words in (
            ("/assignments", "No assignment yet"),
            ("/compliance", "No policy is assigned"),
            ("/denials", "Nothing was refused"),
            ("/components", "Nothing violates"),
            ("/clusters/embedded", "Enable the add-on"),
        ):
            assert words in person.get(path).text, path


def test_the_live_part_alone_is_sent_when_it_is_asked_for(session: Session) -> None:
    whole = session.get("/")
    part = session.get("/", HX_Request="true", HX_Target="div#live")
    assert "<html" not in part.html
    assert "3 non-compliant components" in " ".join(re.sub(r"<[^>]+>", " ", part.html).split())
    assert len(part.html) < len(whole.html)


def test_definitions_are_filtered_by_words_category_type_and_effect(session: Session) -> None:
    everything = session.get("/definitions")
    form = everything.form("/definitions")
    found = session.submit(everything, form, search="pods LABELS")
    assert LABELS in found.text
    assert "1 definition" in found.text
    assert "privileged" not in found.text
    assert session.submit(everything, form, search="zzz").text.count("Nothing fits these filters") == 1
    assert LABELS in session.get("/definitions?category=Kubernetes&type=BuiltIn&effect=Deny").text
    assert "Nothing fits" in session.get("/definitions?type=Custom&search=labels").text
    assert session.get("/definitions?from=junk").status == 200


def test_a_definition_shows_its_rule_parameters_and_assignments(session: Session) -> None:
    index = session.get("/definitions?search=specified+labels")
    page = session.get(next(link for link in index.links if link.startswith("/definitions/providers")))
    assert "package" in page.text
    assert '<span class="linenos">' in page.html
    assert "labelsList" in page.text
    assert LABELS in page.text
    assert "Delete" not in page.text, "a built-in definition cannot be deleted"


def test_the_wizard_assigns_with_typed_parameters(
    session: Session, world: World, background: Background
) -> None:
    index = session.get("/definitions?search=specified+labels")
    page = session.get(next(link for link in index.links if link.startswith("/assign?")))
    form = page.form("/assign")
    assert form.get("scope") == world.cluster_id, "with one cluster, its scope is chosen"
    # Basics: a name is needed, and said at the field.
    page = session.submit(page, form, title="", go="parameters")
    assert page.status == 400
    assert 'aria-invalid="true"' in page.html
    assert "Give the assignment a name" in page.text
    page = session.submit(page, page.form("/assign"), title="Owners, please", go="parameters")
    assert "needs your attention" not in page.text, "nobody has been asked for parameters yet"
    # Parameters: the one without a default.
    page = session.submit(page, page.form("/assign"), go="review")
    assert page.status == 400
    assert "This parameter has no default" in page.text
    form = page.form("/assign")
    form.set("p.labelsList", "owner\ncost-centre")
    form.set("p.effect", "Deny")
    form.set("enforced", "false")
    page = session.submit(page, form, go="review")
    assert page.status == 200
    assert "Nothing is refused: enforcement is off" in page.text
    assert "az policy assignment create" in page.text
    page = session.submit(page, page.form("/assign"), go="create")
    assert "Assigned; the clusters get it now." in page.text
    assert "cost-centre" in page.text
    made = background.run(world.admin.list_assignments())
    document = next(item for item in made if item["properties"]["displayName"] == "Owners, please")
    properties = document["properties"]
    assert properties["enforcementMode"] == "DoNotEnforce"
    assert properties["parameters"]["labelsList"]["value"] == ["owner", "cost-centre"]
    assert "effect" not in properties["parameters"], "a value that is the default is left to the definition"
    assert "excludedNamespaces" not in properties["parameters"]
    # Edit it, turn enforcement on, delete it.
    edit = session.get(next(link for link in page.links if link.startswith("/assignments/edit/")))
    form = edit.form(document["name"])
    assert form.get("p.labelsList") == "owner\ncost-centre"
    form.set("p.labelsList", "owner")
    form.set("p.effect", "Audit")
    page = session.submit(edit, form, go="create", title="Owners")
    assert "Saved; the clusters get the change now." in page.text
    page = session.submit(page, next(form for form in page.forms if "/enforcement/" in form.action))
    assert "Enforcement is on." in page.text
    changed = background.run(world.admin.get_assignment(document["id"]))["properties"]
    assert changed["enforcementMode"] == "Default"
    assert changed["displayName"] == "Owners"
    assert changed["parameters"]["labelsList"]["value"] == ["owner"]
    assert changed["parameters"]["effect"]["value"] == "Audit"
    confirm = session.get(next(link for link in page.links if link.startswith("/assignments/delete/")))
    assert "Its constraint leaves embedded within seconds" in confirm.text
    form = next(form for form in confirm.forms if not form.action)
    page = session.submit(confirm, form)
    assert "Deleted Owners." in page.text
    assert document["id"] not in [item["id"] for item in background.run(world.admin.list_assignments())]


def test_a_wrong_value_is_said_at_its_field_and_kept(session: Session) -> None:
    index = session.get("/definitions?search=specified+labels")
    page = session.get(next(link for link in index.links if link.startswith("/assign?")))
    form = page.form("/assign")
    form.set("p.labelsList", "owner")
    form.set("p.labelSelector", "{not json")
    page = session.submit(page, form, go="review")
    assert page.status == 400
    assert "This is not JSON" in page.text
    assert page.form("/assign").get("p.labelSelector") == "{not json"
    assert page.form("/assign").get("p.labelsList") == "owner"


def test_an_exclusion_outside_the_scope_is_refused(session: Session, world: World) -> None:
    index = session.get("/definitions?search=specified+labels")
    page = session.get(next(link for link in index.links if link.startswith("/assign?")))
    form = page.form("/assign")
    form.fields.append(("excluded", f"/subscriptions/{world.subscription}"))
    page = session.submit(page, form, go="parameters")
    assert page.status == 400
    assert "Only what lies inside the scope" in page.text


def test_a_definition_is_written_refused_with_its_line_saved_changed_and_deleted(
    session: Session, world: World, background: Background
) -> None:
    page = session.get("/definitions/new")
    form = next(form for form in page.forms if not form.action)
    template = form.get("template")
    broken = template.replace("count(missing) > 0", "count(mising) > 0")
    assert broken != template
    page = session.submit(page, form, title="Our labels", template=broken)
    assert page.status == 400
    line = broken[: broken.index("count(mising)")].count("\n") + 1
    excerpt = page.text
    assert "count(mising) > 0" in excerpt
    assert re.search(rf":{line}:\d+", excerpt), f"line {line} of the template is not named: {excerpt[:900]}"
    assert "^" in excerpt
    form = next(form for form in page.forms if not form.action)
    assert form.get("template") == broken, "what was written is not lost"
    page = session.submit(page, form, template=template)
    assert "Saved Our labels." in page.text
    identifier = (
        f"/subscriptions/{world.subscription}/providers/Microsoft.Authorization/policyDefinitions/our-labels"
    )
    saved = background.run(world.admin.get_definition(identifier))["properties"]
    assert saved["parameters"]["labels"]["type"] == "Array"
    assert saved["policyRule"]["then"]["details"]["values"] == {"labels": "[parameters('labels')]"}
    assert saved["policyRule"]["then"]["details"]["kinds"] == ["Pod"]
    edit = session.get(next(link for link in page.links if link.startswith("/definitions/edit/")))
    form = next(form for form in edit.forms if not form.action)
    assert form.get("template") == template
    page = session.submit(edit, form, kinds="Pod, Service", effect="Deny")
    assert "Saved Our labels." in page.text
    saved = background.run(world.admin.get_definition(identifier))["properties"]
    assert saved["policyRule"]["then"]["details"]["kinds"] == ["Pod", "Service"]
    assert saved["parameters"]["effect"]["defaultValue"] == "Deny"
    confirm = session.get(next(link for link in page.links if link.startswith("/definitions/delete/")))
    page = session.submit(confirm, next(form for form in confirm.forms if not form.action))
    assert "Deleted Our labels." in page.text
    assert session.get("/definitions" + identifier).status == 404


def test_a_template_that_is_none_is_refused_in_words(session: Session) -> None:
    page = session.get("/definitions/new")
    form = next(form for form in page.forms if not form.action)
    for template, words in (
        ("kind: Pod\n", "not a constraint template"),
        ("a: [", "template.yaml:"),
        ("", "The template is empty."),
        ("- 1\n", "one YAML document"),
    ):
        answer = session.submit(page, form, title="x", template=template)
        assert answer.status == 400, template
        assert words in answer.text, (template, answer.text[:600])


def test_compliance_by_policy_and_by_cluster(session: Session) -> None:
    page = session.get("/compliance")
    assert LABELS in page.text
    assert "Non-compliant" in page.text
    assert "2 of 24" in page.text
    assert "Nothing fits these filters" in session.get("/compliance?state=Exempt").text
    by_cluster = session.get("/compliance?by=cluster")
    assert "embedded" in by_cluster.text
    assert "3 of 48" in by_cluster.text


def test_from_a_policy_to_the_component_with_message_field_and_age(session: Session, world: World) -> None:
    page = session.get("/compliance" + world.labels)
    assert "frond-end/nginx-5869d7778c-x2x7k" in page.text
    assert "2 of 24 components violate" in page.text
    found = session.submit(page, page.form(world.labels), search="api-")
    assert "nginx-5869d7778c" not in found.text
    component = session.get(next(link for link in found.links if link.startswith("/components/")))
    assert 'you must provide labels: {"owner"}' in component.text
    assert "metadata.labels" in component.text
    assert re.search(r"4\d min ago", component.text)
    assert "kubectl get pod api-7c9c58b8d4-9qv2n -n frond-end -o yaml" in component.text


def test_a_component_shows_every_policy_that_speaks_of_it(session: Session) -> None:
    page = session.get("/components?search=nginx")
    component = session.get(next(link for link in page.links if link.startswith("/components/")))
    assert "2 open violations" in component.text
    assert "has not been allowed" in component.text
    assert "you must provide labels" in component.text


def test_denials_and_activity_say_who_what_when(session: Session) -> None:
    page = session.get("/denials")
    assert "frond-end/label-test-6b7f9c-abcde" in page.text
    assert "replicaset-controller" in page.text
    assert LABELS in page.text
    assert "Nothing was refused" in session.get("/denials?search=zzz").text
    log = session.get("/activity?target=require-owner")
    assert "admin" in log.text
    assert "saved the assignment" in log.text


def test_a_cluster_shows_agents_policies_and_what_is_wrong(
    session: Session, world: World, background: Background
) -> None:
    assert world.agent is not None
    background.run(world.agent.applied())
    page = session.get("/clusters/embedded")
    assert "2 of 2 agents ready" in page.text
    assert "v1.34.1" in page.text
    assert "up to date" in page.text
    assert "team=platform" in page.text
    assert "frond-end/nginx-5869d7778c-x2x7k" in page.text


def test_an_addon_that_cannot_be_installed_is_said_with_the_cure(empty: World) -> None:
    with Session(empty.url) as person:
        person.sign_in(empty.username, empty.password)
        page = person.get("/clusters/embedded")
        answer = person.submit(page, page.form("/addon"))
        assert answer.status in (400, 409)
        assert "no kubeconfig" in answer.text
        assert "pratique addon enable" in answer.text


def test_the_theme_is_kept_and_works_without_scripts(session: Session) -> None:
    page = session.get("/denials")
    assert "data-theme=" not in page.html.split("<body")[0].split("<meta")[0]
    form = page.form("/theme")
    page = session.submit(page, form, theme="dark")
    assert page.url == "/denials"
    assert 'data-theme="dark"' in page.html
    page = session.submit(page, page.form("/theme"), theme="light")
    assert 'data-theme="light"' in page.html
