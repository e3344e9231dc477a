"""The formatter: Rego text to the same Rego as `opa fmt` lays it out, in v0, v1 or what both understand.

Layers, each a class that writes with the one before it: writer, terms, bodies, rules, imports, module.
"""

from pratique.rego.format.module import format_module
from pratique.rego.format.style import Target

__all__ = ["Target", "format_module"]
