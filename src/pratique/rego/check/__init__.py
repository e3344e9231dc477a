"""A syntax tree as written to one with every name decided; see `nodes` for what it guarantees."""
