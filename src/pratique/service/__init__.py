"""The service: where definitions and assignments are kept, and where clusters ask and report.

`routes/` parse and answer, `actions/` decide, `db/` stores. It serves Azure Resource Manager's paths for
what ARM has and `/api/v1` for the rest, and knows nothing of the portal: that is another client.

    service = Service(Settings(state_dir=...))
    await service.start()          # opens and migrates the data
    service.app                    # ASGI: hand it to `pratique.listener.Listener`
    await service.stop()
"""

from pratique.service.app import Service, create_app
from pratique.service.settings import Credentials, Settings

__all__ = ["Credentials", "Service", "Settings", "create_app"]
