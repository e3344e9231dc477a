"""What can be wrong with a mutator, and with applying one."""

from __future__ import annotations

from pratique.errors import InputError, PratiqueError


class MutatorError(InputError):
    """A mutator is not valid; the text is Gatekeeper's."""


class MutationError(PratiqueError):
    """Mutators could not be applied to an object; a webhook then answers 500 and the request is denied."""
