"""Rego text to a syntax tree, as written; nothing is resolved.

Layers, each a class that reads with the one before it: cursor, terms, literals, rules, modules.
"""

from pratique.rego.parse.document import module_data, term_data
from pratique.rego.parse.modules import parse_module, parse_query, parse_term

__all__ = ["module_data", "parse_module", "parse_query", "parse_term", "term_data"]
