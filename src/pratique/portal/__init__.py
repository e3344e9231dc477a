"""Pages for people, on the service's public API.

`app.create_app` makes the ASGI application. A page is one file in `pages/`: it asks the service (through
`api.Api`, which `pratique.client.service.ServiceClient` satisfies), makes a view model, and names a template.
Nothing here decides about policies: what a state is, what counts, what is refused, is said by the service.
"""
