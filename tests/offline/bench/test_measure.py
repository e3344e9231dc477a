"""Measuring: what is counted, what is left out, what is refused; and both other ways to show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from click.testing import CliRunner, Result

from pratique.cli.main import pratique
from pratique.errors import PratiqueError
from pratique.offline import Sources, bench
from pratique.offline.bench.measure import Latencies

REGO = 'package a\nviolation[{"msg": "no"}] { input.review.object.metadata.name == "bad" }'
FAST = ("-n", "2", "--warmup", "0")


def template(kind: str, **target: Any) -> dict[str, Any]:
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": kind.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", **(target or {"rego": REGO})}],
        },
    }


def constraint(kind: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
    }


def pod(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}}


CEL = {"code": [{"engine": "K8sNativeValidation", "source": {"validations": [{"expression": "true"}]}}]}
WHOLE = (template("No"), constraint("No", "first"), constraint("No", "second"), pod("bad"), pod("good"))


def write(folder: Path, *found: dict[str, Any]) -> str:
    path = folder / "all.yaml"
    path.write_text(pyyaml.safe_dump_all(found))
    return str(path)


def measured(folder: Path, *found: dict[str, Any], **options: Any) -> bench.Result:
    chosen = {"iterations": 3, "warmup": 0} | options
    return bench.run(Sources.of([write(folder, *found)]), bench.Options(**chosen))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(pratique, ["bench", *arguments])


def test_everything_is_counted(tmp_path: Path) -> None:
    result = measured(tmp_path, *WHOLE)
    assert (result.templates, result.constraints, result.objects) == (1, 2, 2)
    assert result.violations == 2 * 3
    found = result.latencies
    assert 0 < found.min <= found.p50 <= found.p95 <= found.p99 <= found.max
    assert found.min <= found.mean <= found.max
    assert result.reviews_per_second > 0
    assert result.setup.total == sum(
        (result.setup.client, result.setup.templates, result.setup.constraints, result.setup.data)
    )


@pytest.mark.parametrize("processes", [2, 5])
def test_processes_share_the_rounds(tmp_path: Path, processes: int) -> None:
    result = measured(tmp_path, *WHOLE, concurrency=processes)
    assert (result.violations, result.concurrency) == (2 * 3, processes)


def test_what_no_engine_can_run_is_left_out(tmp_path: Path) -> None:
    result = measured(tmp_path, *WHOLE, template("Cel", **CEL), constraint("Cel", "c"))
    assert (result.templates, result.constraints) == (1, 2)
    assert (result.skipped_templates, result.skipped_constraints) == (("cel",), ("c",))
    assert "  Skipped Templates:    1 (cel)\n  Skipped Constraints:  1 (c)\n" in bench.render(result, "table")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ((), "no input data identified"),
        ((pod("a"),), "no ConstraintTemplates found in input"),
        ((template("No"), pod("a")), "no Constraints found in input"),
        ((template("No"), constraint("No", "c")), "no objects to review found in input"),
        ((template("No"), constraint("Other", "c"), pod("a")), r"no constraints loaded \(all 1"),
        ((template("Cel", **CEL), constraint("Cel", "c"), pod("a")), "no templates compatible with rego"),
        (
            (template("No", rego="package a\nviolation["), constraint("No", "c"), pod("a")),
            "not Rego|unexpected",
        ),
        ((template("No"), constraint("No", "A_"), pod("a")), "RFC 1123"),
    ],
)
def test_what_cannot_be_measured(tmp_path: Path, found: tuple[dict[str, Any], ...], reason: str) -> None:
    with pytest.raises(PratiqueError, match=reason):
        measured(tmp_path, *found)


def test_percentiles_are_interpolated() -> None:
    assert Latencies.of([]) == Latencies()
    assert Latencies.of([7]) == Latencies(7, 7, 7, 7, 7, 7)
    assert Latencies.of([40, 10, 30, 20]) == Latencies(10, 40, 25, 25, 38, 39)


def test_json_has_gator_s_shape(tmp_path: Path) -> None:
    (shown,) = json.loads(
        run("-f", write(tmp_path, *WHOLE), *FAST, "-o", "json", "--memory", "--stats").stdout
    )
    assert list(shown) == [
        *("engine", "templateCount", "constraintCount", "objectCount", "iterations", "concurrency"),
        *("totalReviews", "setupDuration", "setupBreakdown", "totalDuration", "latencies", "violationCount"),
        *("reviewsPerSecond", "memoryStats", "statsEntries", "referentialDataSupported"),
    ]
    assert list(shown["memoryStats"]) == ["allocsPerReview", "bytesPerReview", "totalAllocs", "totalBytes"]
    assert shown["memoryStats"]["allocsPerReview"] > 0
    assert [entry["statsFor"] for entry in shown["statsEntries"]] == ["No", "No"]
    assert shown["statsEntries"][0]["stats"][1] == {
        "name": "constraintCount",
        "value": 2,
        "source": "engine/Rego",
    }


def test_yaml_says_what_json_says(tmp_path: Path) -> None:
    (shown,) = pyyaml.safe_load(run("-f", write(tmp_path, *WHOLE), *FAST, "-o", "YAML").stdout)
    assert (shown["engine"], shown["totalReviews"], shown["violationCount"]) == ("rego", 4, 4)


def test_a_table_is_aligned(tmp_path: Path) -> None:
    shown = run("-f", write(tmp_path, *WHOLE), *FAST, "-c", "2", "--memory", "--stats").stdout
    assert "  Templates:      1\n  Constraints:    2\n  Objects:        2\n  Iterations:     2\n" in shown
    assert "  Concurrency:    2\n  Total Reviews:  4\n\nTiming:\n" in shown
    assert "Results:\n  Violations Found:  4\n\nMemory:\n  Allocs/Review:  " in shown
    assert "  Constraint: No (Scope: template)\n    templateRunTimeNS:  " in shown


@pytest.mark.parametrize("name", ["kept.json", "kept.yaml"])
def test_a_result_is_kept_and_compared(tmp_path: Path, name: str) -> None:
    given, kept = write(tmp_path, *WHOLE), str(tmp_path / name)
    assert run("-f", given, *FAST, "--save", kept).exit_code == 0
    again = run("-f", given, *FAST, "--compare", kept, "--threshold", "1e9")
    assert (again.exit_code, "✓ No significant regressions" in again.stdout) == (0, True)
    results = pyyaml.safe_load(Path(kept).read_text())
    results[0]["latencies"] = dict.fromkeys(results[0]["latencies"], 1)
    Path(kept).write_text(json.dumps(results))
    slower = run("-f", given, *FAST, "--compare", kept)
    assert (slower.exit_code, "✗ Regressions detected in: P50 Latency, P95" in slower.stdout) == (1, True)
    assert run("-f", given, *FAST, "--compare", kept, "--min-threshold", "1h").exit_code == 0


def test_a_baseline_of_another_engine_is_none(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text('[{"engine": "cel"}]')
    found = run("-f", write(tmp_path, *WHOLE), *FAST, "--compare", str(kept))
    assert (found.exit_code, "No matching engines found" in found.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "at least one --filename"),
        (("-e", "cel"), "CEL is not supported yet"),
        (("-e", "ALL"), "CEL is not supported yet"),
        (("-e", "x"), 'invalid engine "x" (valid: rego, cel, all)'),
        (("-o", "x"), 'invalid output format: "x" (valid: table, json, yaml)'),
        (("-f", "x", "-n", "0"), "`--iterations` must be at least 1"),
        (("-f", "x", "--warmup", "-1"), "`--warmup` must be at least 0"),
        (("-f", "x", "-c", "0"), "`--concurrency` must be at least 1"),
        (("-f", "x", "--threshold", "-1"), "`--threshold` must be at least 0"),
        (("-f", "x", "--min-threshold", "-1s"), "`--min-threshold` must be at least 0"),
        (("-f", "x", "--min-threshold", "5"), "`5` is no duration"),
        (("-f", "x", "--compare", "/none"), "baseline file does not exist: /none"),
        (("-f", "/none"), "there is no file or folder `/none`"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], reason: str) -> None:
    found = run(*arguments)
    assert (found.exit_code, reason in found.stderr) == (1, True), found.stderr


@pytest.mark.parametrize("text", ["{}", "[1]", "x: ["])
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(text)
    found = run("-f", write(tmp_path, *WHOLE), *FAST, "--compare", str(kept))
    assert (found.exit_code, "Traceback" in found.stderr) == (1, False)


def test_a_result_that_cannot_be_kept(tmp_path: Path) -> None:
    found = run("-f", write(tmp_path, *WHOLE), *FAST, "--save", str(tmp_path / "none" / "x.json"))
    assert (found.exit_code, "cannot be written" in found.stderr) == (1, True)
