"""What runs in a cluster: webhook, audit, synchronisation and reports, over one library of policies.

`app` assembles a process out of `settings` and roles: `front` (the webhook) and `leader` (audit, sync, status).
"""
