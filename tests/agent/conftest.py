import importlib.util
import sys
from pathlib import Path

# Tests are imported by path (import mode importlib); what they share is imported so too.
if "fake_api" not in sys.modules:
    path = Path(__file__).parent.parent / "client" / "fake_api.py"
    spec = importlib.util.spec_from_file_location("fake_api", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_api"] = module
    spec.loader.exec_module(module)
