"""What `az` asks before it can do anything: cloud metadata, the authority's description, tokens.

The authority's path ends in `/adfs`: MSAL then believes it without asking Microsoft (azure-policy.md 7.1).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from pratique.errors import DeniedError
from pratique.service.actions import accounts
from pratique.service.routes.table import PUBLIC, Answer, Call, Document, Operation

INVALID_CLIENT = 7000215  # Entra's number for a wrong secret; clients look for it


def endpoints(call: Call) -> Any:
    """Describe this cloud: one object, or for the oldest version a list of it."""
    origin = call.origin
    cloud: Document = {
        "name": "Pratique",
        "portal": origin,
        "authentication": {
            "loginEndpoint": f"{origin}/adfs",
            "audiences": [origin],
            "tenant": "adfs",
            "identityProvider": "ADFS",
        },
        "resourceManager": origin,
        "graph": origin,
        "graphAudience": origin,
        "microsoftGraphResourceId": origin,
        "activeDirectoryDataLake": origin,
        "gallery": origin,
        "media": origin,
        "batch": origin,
        "sqlManagement": origin,
        "vmImageAliasDoc": f"{origin}/vm-image-aliases.json",
        "suffixes": {"storage": "", "keyVaultDns": "", "sqlServerHostname": "", "acrLoginServer": ""},
    }
    return [cloud] if call.option("api-version") < "2022" else cloud


def discovery(call: Call) -> Document:
    """Describe the authority."""
    issuer = f"{call.origin}/adfs"
    tenant = call.params.get("tenant", "")
    # The CLI takes the tenant from the token endpoint's first segment when one was named.
    base = f"{call.origin}/{call.context.world.tenant}" if tenant and tenant != "adfs" else issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "token_endpoint": f"{base}/oauth2/token",
        "device_authorization_endpoint": f"{base}/oauth2/devicecode",
        "jwks_uri": f"{issuer}/discovery/keys",
        "response_types_supported": ["token"],
        "grant_types_supported": ["client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }


def keys(call: Call) -> Document:
    """Return the keys that tokens are signed with."""
    return call.context.signer.public_keys()


def token(call: Call) -> Answer:
    """Give a service principal its token."""
    form = dict(parse_qsl(call.content.decode("utf-8", "replace")))
    grant = form.get("grant_type", "")
    if grant != "client_credentials":
        return _refusal(
            400,
            "unsupported_grant_type",
            f"`{grant}` is not supported: sign in with `az login --service-principal`",
            70003,
        )
    scope = form.get("scope") or form.get("resource") or call.origin
    try:
        found = accounts.principal_token(
            call.context,
            client_id=form.get("client_id", ""),
            secret=form.get("client_secret", ""),
            audience=scope.removesuffix("/.default"),
            issuer=f"{call.origin}/adfs",
        )
    except DeniedError as error:
        return _refusal(
            401, "invalid_client", f"AADSTS{INVALID_CLIENT}: {error.message}; {error.hint}", INVALID_CLIENT
        )
    return Answer(found)


def device_code(_call: Call) -> Answer:
    """Refuse a sign-in that this service does not offer, in words that the client shows."""
    return _refusal(
        400,
        "unauthorized_client",
        "signing in with a device code is not offered: use `az login --service-principal`",
        7000218,
    )


def authorize(_call: Call) -> Answer:
    """Say in the browser what to do instead."""
    return Answer(
        "Signing in with a browser is not offered.\n"
        "Run: az login --service-principal -u ID -p SECRET --tenant TENANT\n",
        400,
        media_type="text/plain; charset=utf-8",
    )


def _refusal(status: int, error: str, description: str, number: int) -> Answer:
    return Answer(
        {"error": error, "error_description": description, "error_codes": [number]},
        status,
    )


def _operation(method: str, path: str, summary: str, handler: Any) -> Operation:
    return Operation(method, path, summary, handler, PUBLIC, tag="identity", answer="Object")


OPERATIONS = [
    _operation("GET", "/metadata/endpoints", "Describe this cloud", endpoints),
    _operation("GET", "/adfs/.well-known/openid-configuration", "Describe the authority", discovery),
    _operation("GET", "/adfs/v2.0/.well-known/openid-configuration", "Describe the authority", discovery),
    _operation(
        "GET", "/adfs/{tenant}/v2.0/.well-known/openid-configuration", "Describe the authority", discovery
    ),
    _operation("GET", "/{tenant}/v2.0/.well-known/openid-configuration", "Describe the authority", discovery),
    _operation("GET", "/adfs/discovery/keys", "The keys that tokens are signed with", keys),
    _operation("POST", "/adfs/oauth2/token", "Get a token", token),
    _operation("POST", "/adfs/oauth2/v2.0/token", "Get a token", token),
    _operation("POST", "/{tenant}/oauth2/token", "Get a token", token),
    _operation("POST", "/{tenant}/oauth2/v2.0/token", "Get a token", token),
    _operation("POST", "/{tenant}/oauth2/devicecode", "Refuse a device's sign-in", device_code),
    _operation("GET", "/{tenant}/oauth2/authorize", "Refuse a browser's sign-in", authorize),
]
