"""Suites: what passes, what fails and in which words, and which tests a filter picks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.offline.test_check import MAP, policy

from pratique.errors import InputError, NotFoundError
from pratique.offline import selection, suite, transcript

SHARED = Path(__file__).parents[3] / "shared" / "conformance" / "gatekeeper-library"
HEAD = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n"


def run(tmp_path: Path, assertion: str, *, test: str = "") -> suite.Suite:
    template, constraint = policy().split("---\n")
    for name, text in {"template": template, "constraint": constraint, "map": MAP.format(name="m")}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    lines = f"- name: t\n  template: template.yaml\n  constraint: constraint.yaml\n{test}  cases:\n"
    body = f"{lines}  - name: c\n    object: map.yaml\n    assertions: {assertion}\n"
    (tmp_path / "suite.yaml").write_text(HEAD + body)
    return suite.run(str(tmp_path / "suite.yaml"))


@pytest.mark.parametrize(
    ("assertion", "failure"),
    [
        ("[{}]", ""),
        ("[{violations: yes}]", ""),
        ("[{violations: 1, message: wh.}]", ""),
        ("[{violations: no, message: nothing}]", ""),
        (
            "[{violations: no}]",
            'unexpected number of violations: got 1 violations but want none: got messages [m says "who?"]',
        ),
        (
            "[{message: x+}]",
            'unexpected number of violations: got 0 violations containing "x+" but want at least 1: '
            'got messages [m says "who?"]',
        ),
        ("[]", "invalid Case: assertions must be non-empty"),
    ],
)
def test_assertions(tmp_path: Path, assertion: str, failure: str) -> None:
    (test,) = run(tmp_path, assertion).tests
    assert [case.failure for case in test.cases] == [failure]


@pytest.mark.parametrize(
    "assertion", ["[{violations: true}]", "[{violations: -1}]", "[{message: '('}]", "[1]"]
)
def test_an_assertion_that_means_nothing_fails(tmp_path: Path, assertion: str) -> None:
    assert run(tmp_path, assertion).failed


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("kind: 5", "kind"),
        ("kind: text", "kind"),
        ("kind: {group: 0}", "kind.group"),
        ("userInfo: {username: {}}", "userInfo.username"),
        ("userInfo: {groups: [false]}", "userInfo.groups"),
        ("userInfo: {groups: x}", "userInfo.groups"),
        ("operation: [CREATE]", "operation"),
    ],
)
def test_a_review_of_wrong_types_is_refused(tmp_path: Path, part: str, path: str) -> None:
    run(tmp_path, "[{}]")
    (tmp_path / "map.yaml").write_text(
        "kind: AdmissionReview\napiVersion: admission.k8s.io/v1\n"
        f"request:\n  object: {{apiVersion: v1, kind: ConfigMap}}\n  {part}\n"
    )
    (test,) = suite.run(str(tmp_path / "suite.yaml")).tests
    assert [case.failure for case in test.cases] == [
        f"not a valid AdmissionReview object: `request.{path}` must be text"
    ]


@pytest.mark.parametrize("test", ["  skip: no\n", "  invalid: 1\n"])
def test_a_flag_is_true_or_false(tmp_path: Path, test: str) -> None:
    assert "must be true or false" in run(tmp_path, "[{}]", test=test).failure


@pytest.mark.parametrize("test", ["  invalid: true\n", "  expansion: missing.yaml\n"])
def test_what_does_not_hold_fails_the_test(tmp_path: Path, test: str) -> None:
    assert run(tmp_path, "[{}]", test=test).tests[0].failure


def test_a_result_reads_as_gators(tmp_path: Path) -> None:
    shown = transcript.text(run(tmp_path, "[{violations: no}]"), verbose=True).split("\n")
    assert shown[:2] == ["=== RUN   t", "    === RUN   c"]
    assert shown[2].startswith("    --- FAIL: c\t(")
    assert shown[-2].startswith("FAIL\t")


def test_prints_and_traces_are_shown(tmp_path: Path) -> None:
    run(tmp_path, "[{}]")
    template = tmp_path / "template.yaml"
    template.write_text(template.read_text().replace("msg :=", 'print("asked"); msg :=', 1))
    runner = suite.Runner.of(selection.Filter(), printing=True, tracing=True)
    shown = transcript.text(suite.run(str(tmp_path / "suite.yaml"), runner), verbose=True)
    assert "    === RUN   c\n        === PRINT ===\n        asked\n    --- PASS: c" in shown
    assert (
        "    --- TRACE: c\tTarget: admission.k8s.gatekeeper.sh\n    --- Trace:\n    --- DRIVER Rego:" in shown
    )


@pytest.mark.parametrize(
    ("expression", "tests", "cases"),
    [
        ("", "ab", "aa ab ba bb"),
        ("^a$//", "a", "aa ab"),
        ("//^b$", "ab", "ab bb"),
        ("^a$//^b$", "a", "ab"),
        ("^a$", "ab", "aa ab ba"),
    ],
)
def test_filter(expression: str, tests: str, cases: str) -> None:
    wanted = selection.Filter.of(expression)
    written = [{"name": name, "cases": [{"name": "a"}, {"name": "b"}]} for name in "ab"]
    assert "".join(str(one["name"]) for one in written if wanted.wants_test(one)) == tests
    found = [t + c for t in tests for c in "ab" if wanted.wants_case(t, c)]
    assert " ".join(found) == cases


def test_what_is_no_filter_and_no_suite(tmp_path: Path) -> None:
    for expression in ("a//b//c", "("):
        with pytest.raises(InputError):
            selection.Filter.of(expression)
    (tmp_path / "a.yaml").write_text("kind: Other\n")
    (tmp_path / "a.md").write_text("")
    assert selection.find(str(tmp_path)) == []
    for path in ("a.md", "a.yaml/..."):
        with pytest.raises(InputError):
            selection.find(f"{tmp_path}/{path}")
    with pytest.raises(NotFoundError):
        selection.find(f"{tmp_path}/nothing")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/conformance")
def test_the_policy_library_passes() -> None:
    paths = selection.find(f"{SHARED}/...")
    assert len(paths) == len(list(SHARED.rglob("suite.yaml")))
    assert [path for path in paths if suite.run(path).failed] == []


def test_a_named_file_that_is_no_suite_fails(tmp_path: Path) -> None:
    run(tmp_path, "[{}]")
    result = suite.run(str(tmp_path / "template.yaml"))
    assert result.failed
    assert "`kind: Suite`" in result.failure


def test_a_suite_with_a_mistake_fails_alone(tmp_path: Path) -> None:
    run(tmp_path, "[{}]")
    (tmp_path / "a.yaml").write_text(HEAD + "- {name: 5}\n")
    results = [suite.run(path) for path in selection.find(str(tmp_path))]
    assert [Path(one.path).name for one in results] == ["a.yaml", "suite.yaml"]
    assert [one.failed for one in results] == [True, False]
    assert "`tests[0].name` must be text, not 5" in results[0].failure


def test_paths_are_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    run(tmp_path / "sub", "[{}]")
    monkeypatch.chdir(tmp_path)
    for given in ("./...", "sub", "./sub/"):
        (path,) = selection.find(given)
        assert (path.removeprefix("./"), Path(path).is_file()) == ("sub/suite.yaml", True)


def test_a_message_that_is_no_expression_fails_also_without_violations(tmp_path: Path) -> None:
    run(tmp_path, "[{violations: no, message: '('}]")
    (tmp_path / "map.yaml").write_text("{apiVersion: v1, kind: Other, metadata: {name: a}}")
    (test,) = suite.run(str(tmp_path / "suite.yaml")).tests
    assert [case.failure for case in test.cases] == [
        "message contains invalid regular expression: error parsing regexp: missing closing ): `(`"
    ]


def test_a_trace_is_of_the_policy_alone(tmp_path: Path) -> None:
    run(tmp_path, "[{}]")
    runner = suite.Runner.of(selection.Filter(), tracing=True)
    (test,) = suite.run(str(tmp_path / "suite.yaml"), runner).tests
    trace = test.cases[0].trace or ""
    assert "Enter data." in trace
    assert "data.hooks" not in trace
