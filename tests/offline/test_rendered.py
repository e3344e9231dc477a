"""Charts and kustomizations: what is rendered is judged, at the file that it came from; a missing tool is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pratique.errors import InputError, UnavailableError
from pratique.offline import Sources
from pratique.offline.entries import Entry
from pratique.offline.rendered import Renderer

ROOT = Path(__file__).parents[2]
BINARIES = ROOT / ".cache" / "peers" / "bin"
CLIENTS = ROOT / ".cache" / "clients" / "bin"
BASE = """\
# two objects
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: nginx}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
"""
# What `helm template` prints of a chart `app` whose folder has another name (helm 3.19).
PRINTED = """\
---
# Source: app/templates/two.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: first
---
# Source: app/templates/two.yaml

apiVersion: v1
kind: ConfigMap
metadata:
  name: second
---
# Source: app/charts/sub/templates/one.yaml
apiVersion: v1
kind: Secret
metadata:
  name: third
"""


def entries(*names: str | Path, values: tuple[str, ...] = ()) -> list[Entry]:
    return list(Sources.of([str(name) for name in names], renderer=Renderer(values)).entries())


def places(found: list[Entry], path: str, folder: Path) -> list[tuple[str, int]]:
    located = [entry.locate(path) for entry in found]
    return [(str(Path(place.file).relative_to(folder)), place.line) for place in located]


def overlay(folder: Path) -> Path:
    for name, text in {
        "base/kustomization.yaml": "resources: [all.yaml]\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n",
        "base/all.yaml": BASE,
        "prod/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\nnamespace: prod\n",
        "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "prod"


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder that is all of PATH, but for the shell's own tools."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def kubectl(path: Path) -> None:
    (path / "kubectl").symlink_to(CLIENTS / "kubectl")


def test_an_overlay_is_judged_at_the_files_of_its_base(path: Path, tmp_path: Path) -> None:
    kubectl(path)
    (tmp_path / "k").mkdir()
    found = entries(overlay(tmp_path / "k"))
    named = {str(entry.read()["kind"]): entry for entry in found}
    assert set(named) == {"Deployment", "Service", "ConfigMap"}
    deployment = named["Deployment"].read()
    assert deployment["metadata"] == {"name": "prod-web", "namespace": "prod"}
    image = named["Deployment"].locate("spec.template.spec.containers[0].image")
    assert (Path(image.file), image.line) == (tmp_path / "k" / "base" / "all.yaml", 11)
    assert named["Service"].locate("spec.ports[0].port").line == 16
    # What the overlay adds stands at its nearest parent in the original; a generated object at its generator.
    assert named["Service"].locate("metadata.namespace").line == 15
    assert Path(named["ConfigMap"].locate().file) == tmp_path / "k" / "base" / "kustomization.yaml"


def test_a_tree_is_rendered_at_its_tops(path: Path, tmp_path: Path) -> None:
    kubectl(path)
    (tmp_path / "k").mkdir()
    overlay(tmp_path / "k")
    (tmp_path / "k" / "plain.yaml").write_text("kind: Plain\napiVersion: v1\n")
    found = entries(tmp_path / "k")
    assert sorted(entry.read()["kind"] for entry in found) == ["ConfigMap", "Deployment", "Plain", "Service"]
    assert len(entries(tmp_path / "k" / "base")) == 3


def test_without_a_renderer_folders_are_read_as_gator_reads_them(tmp_path: Path) -> None:
    overlay(tmp_path)
    assert len(list(Sources.of([str(tmp_path)]).entries())) == 5


@pytest.mark.parametrize(("name", "words"), [("Chart.yaml", "`helm`"), ("kustomization.yml", "`kustomize`")])
def test_a_missing_tool_is_told_with_the_cure(path: Path, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / name).write_text("name: app\n")
    with pytest.raises(UnavailableError) as caught:
        entries(tmp_path / "app")
    assert words in caught.value.message
    assert "--no-render" in caught.value.hint


def test_what_the_tool_complains_of_is_told(path: Path, tmp_path: Path) -> None:
    kubectl(path)
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    with pytest.raises(InputError, match=r"missing\.yaml` is not there") as caught:
        entries(tmp_path / "k")
    assert "look at what `kustomization.yaml` names" in caught.value.hint
    (tmp_path / "k" / "kustomization.yaml").write_text("resorces: []\n")
    with pytest.raises(InputError, match="unknown field") as caught:
        entries(tmp_path / "k")
    assert "run.go" not in caught.value.message


@pytest.mark.parametrize(
    ("said", "told", "cure"),
    [
        (
            "Error: An error occurred while checking for chart dependencies: missing in charts/ directory: redis",
            "missing in charts/ directory: redis",
            "`helm dependency build ",
        ),
        (
            "Error: executing a at <.Values.a>: nil pointer evaluating interface {}.b\n\n"
            "Use --debug flag to render out invalid YAML",
            "nil pointer evaluating",
            "`--values FILE`",
        ),
        ("Error: execution error at (web/x.yaml:1:3): give a name", "give a name", "`--values FILE`"),
        ("Error: something else", "something else", ""),
    ],
)
def test_what_helm_complains_of_is_told_with_a_cure(
    path: Path, tmp_path: Path, said: str, told: str, cure: str
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Chart.yaml").write_text("name: app\n")
    (tmp_path / "said").write_text(said)
    (path / "helm").write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/said >&2\nexit 1\n")
    (path / "helm").chmod(0o755)
    with pytest.raises(InputError) as caught:
        entries(tmp_path / "app")
    assert told in caught.value.message
    assert "--debug" not in caught.value.message
    assert cure in caught.value.hint
    assert bool(cure) == bool(caught.value.hint)


def test_a_chart_is_judged_at_its_templates(path: Path, tmp_path: Path) -> None:
    chart = tmp_path / "folder"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: app\nversion: 1.0.0\napiVersion: v2\n")
    (tmp_path / "printed").write_text(PRINTED)
    (path / "helm").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n/bin/cat {tmp_path}/printed\n')
    (path / "helm").chmod(0o755)
    found = entries(chart, values=("prod.yaml",))
    assert [entry.read()["metadata"]["name"] for entry in found] == ["first", "second", "third"]
    assert places(found, "metadata.name", chart) == [
        ("templates/two.yaml", 4),
        ("templates/two.yaml", 5),
        ("charts/sub/templates/one.yaml", 4),
    ]
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["template", str(chart), "--include-crds", "--values", "prod.yaml"]


def test_the_real_helm_renders_a_chart(path: Path, tmp_path: Path) -> None:
    helm = BINARIES / "helm"
    if not helm.exists():
        pytest.skip("helm is not built, so no chart is rendered by it; cure: scripts/peers helm")
    shutil.copy(helm, path / "helm")
    chart = tmp_path / "folder"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: app\nversion: 1.0.0\napiVersion: v2\n")
    (chart / "values.yaml").write_text("image: nginx\n")
    (chart / "templates" / "pod.yaml").write_text(
        "{{- if .Values.image }}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n"
        "spec:\n  containers:\n  - name: c\n    image: {{ .Values.image }}\n{{- end }}\n"
    )
    (entry,) = entries(chart)
    place = entry.locate("spec.containers[0].image")
    assert Path(place.file) == chart / "templates" / "pod.yaml"
    assert place.text == "    image: nginx"
    (chart / "templates" / "pod.yaml").write_text("{{ nothing }}\n")
    with pytest.raises(InputError, match="nothing"):
        entries(chart)
