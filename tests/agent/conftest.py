import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).parent

# Tests are imported by path (import mode importlib); what they share is imported so too.
for name, path in {"fake_api": HERE.parent / "client" / "fake_api.py", "world": HERE / "world.py"}.items():
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
