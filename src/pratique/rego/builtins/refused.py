"""Builtins of OPA that we know and do not have: the compiler refuses a call with the reason.

They dial out or stand on a language of their own; until someone switches one on by passing it to `compile`,
a policy that needs it is told so when it is saved.
"""

from __future__ import annotations

from typing import Final

from pratique.rego.builtins.registry import refuse

_NETWORK: Final = "policies here do not use the network"
_GRAPHQL: Final = "GraphQL is not supported"
_CLOUD: Final = "signing requests for a cloud is not supported"

refuse("http.send", "object -> object", why=_NETWORK)
refuse("net.lookup_ip_addr", "string -> set", why=_NETWORK)
refuse("graphql.is_valid", "string|object, string|object -> boolean", why=_GRAPHQL)
refuse("graphql.parse", "string|object, string|object -> array", why=_GRAPHQL)
refuse("graphql.parse_and_verify", "string|object, string|object -> array", why=_GRAPHQL)
refuse("graphql.parse_query", "string -> object", why=_GRAPHQL)
refuse("graphql.parse_schema", "string -> object", why=_GRAPHQL)
refuse("graphql.schema_is_valid", "string|object -> boolean", why=_GRAPHQL)
refuse("providers.aws.sign_req", "object, object, number -> object", why=_CLOUD)
