"""Rego text to a syntax tree."""
