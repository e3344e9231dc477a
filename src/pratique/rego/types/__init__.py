"""The static types of a policy: what OPA's checker of types refuses, in its words.

`rules.Types` finds them out rule by rule; `kinds` are the types, `algebra` what follows from them, `documents` and
`environment` what is known where, `flatten` and `order` the form in which bodies are looked at, `bodies`, `references`,
`calls`, `matching` and `replaced` the rules, `difference` and `problems` the words.
"""

from pratique.rego.types.rules import Types, wrong_arity

__all__ = ["Types", "wrong_arity"]
