"""`pratique rego check` and `pratique rego compile`: what is wrong and where; what a policy is compiled to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique import rego
from pratique.cli.main import main
from pratique.cli.rego import stages

TEMPLATE = """apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: k8sx
spec:
  crd:
    spec:
      names:
        kind: K8sX
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package k8sx

        violation[{"msg": msg}] {
          x := input.parameters.x
          input.review.name == x
          msg := sprintf("%v", [y])
        }
"""
RIGHT = TEMPLATE.replace("[y]", "[x]")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["rego", *arguments])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err + printed.out
        return printed.out, printed.err

    return call


def test_a_right_policy_needs_no_words(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\np if data.b.q\n")
    (tmp_path / "b.rego").write_text("package b\nq := 1\n")
    assert run("check", ".") == ("", "")
    assert run("check", ".", "-f", "json") == ("{}\n", "")


def test_types_are_told_to_programs_as_opa_tells_them(run: Any, tmp_path: Path) -> None:
    text = 'package a\np if 1 == [{"a": "x"}]\nq if { x := {"a": {1}}; x.b }\nr if f("x")\nf(x) := x + 1\n'
    (tmp_path / "a.rego").write_text(text)
    errors = json.loads(run("check", "a.rego", "-f", "json", code=1)[1])["errors"]
    assert [each["details"] for each in errors] == [
        {
            "a": {"type": "number"},
            "b": {
                "static": [{"static": [{"key": "a", "value": {"type": "string"}}], "type": "object"}],
                "type": "array",
            },
        },
        {
            "ref": [{"type": "var", "value": "x"}, {"type": "string", "value": "b"}],
            "pos": 1,
            "want": {"type": "string"},
            "oneOf": ["a"],
        },
        {"have": [{"type": "string"}], "want": {"args": [{"type": "number"}, {"type": "number"}]}},
    ]


def test_metadata_names_schemas_of_a_folder(run: Any, tmp_path: Path) -> None:
    (tmp_path / "schemas" / "lists").mkdir(parents=True)
    (tmp_path / "schemas" / "lists" / "acl.json").write_text('{"properties": {"who": {"type": "string"}}}')
    text = "# METADATA\n# schemas:\n# - data.acl: schema.lists.acl\npackage a\n\np if data.acl.who == 1\n"
    (tmp_path / "a.rego").write_text(text)
    assert run("check", "a.rego") == ("", "")
    told = run("check", "a.rego", "-s", "schemas", code=1)[1]
    assert "a.rego:6:6: rego_type_error: match error\n\tleft  : string\n\tright : number" in told


def test_errors_have_place_caret_and_hint(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\np if x\n")
    _, err = run("check", "a.rego", code=1)
    assert err.startswith(
        "1 error occurred:\na.rego:2:6: rego_unsafe_var_error: var x is unsafe\n\tp if x\n\t     ^\n"
    )
    _, err = run("check", "a.rego", "-f", "json", code=1)
    (error,) = json.loads(err)["errors"]
    assert (error["code"], error["location"]) == (
        "rego_unsafe_var_error",
        {"file": "a.rego", "row": 2, "col": 6},
    )


def test_strict_mode_refuses_more(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\nimport data.b\np if { y := 1 }\nf(x) := 1\n")
    run("check", "a.rego")
    _, err = run("check", "a.rego", "--strict", code=1)
    assert "import data.b unused" in err
    assert "assigned var y unused" in err
    assert "unused argument x" in err
    _, err = run("check", "a.rego", "--strict", "--max-errors", "1", code=1)
    assert err.count("unused") == 1
    assert "2 more" in err


def test_versions(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\np { true }\n")
    run("check", "a.rego", code=1)
    run("check", "a.rego", "--v0-compatible")
    run("check", "a.rego", "--v0-v1", code=1)
    (tmp_path / "a.rego").write_text("package a\nimport rego.v1\np if true\n")
    run("check", "a.rego", "--v0-v1")


def test_templates_are_checked_with_the_lines_of_their_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("# a comment\n---\n" + TEMPLATE)
    _, err = run("check", "t.yaml", code=1)
    assert "t.yaml:20:33: rego_unsafe_var_error: var y is unsafe" in err
    (tmp_path / "t.yaml").write_text(RIGHT)
    assert run("check", ".") == ("", "")


def test_a_template_that_is_no_template_is_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(RIGHT.replace("violation", "other"))
    _, err = run("check", "t.yaml", code=1)
    assert "the rule `violation` is missing" in err
    (tmp_path / "x.yaml").write_text("kind: ConfigMap\n")
    _, err = run("check", "x.yaml", code=1)
    assert "is no policy" in err
    _, err = run("check", "nosuch.rego", code=1)
    assert "does not exist" in err


def test_stages_follow_each_other_in_a_pipe(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text('package a\np if input.x == "y"\n')
    out, _ = run("compile", "a.rego", "--stages")
    tree, plan, python = (out.index(each) for each in ("# syntax tree\n", "# plan\n", "# python\n"))
    assert tree < plan < python
    assert "    Ref input.x\n" in out
    assert '    test input["x"] == "y"\n' in out
    assert "def r0(s):\n" in out
    assert 'K0 = "x"\n' in out


def test_one_stage_alone_and_the_tree_as_json(run: Any, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text("package a\np := 1\n")
    out, _ = run("compile", "a.rego", "--stage", "ir")
    assert out == "complete #0 data.a.p\n  clause at 2\n    yield 1\n"
    out, _ = run("compile", "a.rego", "-f", "json")
    assert json.loads(out)["rules"][0]["head"]["name"] == "p"
    _, err = run("compile", "a.rego", "-f", "json", "--stage", "ir", code=2)
    assert "only the syntax tree" in err


def test_a_template_is_specialised_to_its_parameters(run: Any, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(RIGHT)
    (tmp_path / "p.json").write_text('{"x": "known"}')
    out, _ = run("compile", "t.yaml", "--stage", "ir")
    assert 'input["parameters"]' in out
    out, _ = run("compile", "t.yaml", "--stage", "ir", "--parameters", "p.json")
    assert "parameters" not in out
    assert '"known"' in out


def test_columns_keep_to_the_width_and_lose_nothing() -> None:
    policy = rego.compile(
        [rego.Source("a.rego", 'package a\np if { x := input.aaaa.bbbb.cccc; x == "y" }\n')]
    )
    found = stages.tables(policy)
    text = stages.columns(found, ("ast", "ir", "python"), 100)
    assert max(map(len, text.splitlines())) <= 100
    (table,) = found
    rows = [line.split(" │ ") for line in text.splitlines()[2:]]
    for index, stage in enumerate(("ast", "ir", "python")):
        shown = "".join([row[index] for row in rows if len(row) > index])
        assert shown.replace(" ", "").replace("│", "") == "".join(table.stages[stage].split())
