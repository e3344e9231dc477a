"""Ask a process whether it is well: httpGet and tcpSocket probes, over plain sockets.

Source: `pkg/probe` of Kubernetes. `exec` probes have no container to run in: they succeed.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

Object = dict[str, Any]


def port_number(wanted: Any, container: Object) -> int:
    """Return a probe's port: a number, or that of the container port with this name."""
    if isinstance(wanted, int):
        return wanted
    for port in container.get("ports") or ():
        if port.get("name") == wanted:
            return int(port["containerPort"])
    return int(wanted) if str(wanted).isdigit() else 0


async def check(probe: Object, container: Object, address: str) -> str:
    """Return an empty text when the probe succeeds, else what went wrong."""
    seconds = float(probe.get("timeoutSeconds") or 1)
    try:
        if "httpGet" in probe:
            async with asyncio.timeout(seconds):
                return await _http_get(probe["httpGet"], container, address)
        if "tcpSocket" in probe:
            port = port_number(probe["tcpSocket"].get("port"), container)
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(address, port)
            writer.close()
    except TimeoutError:
        return "context deadline exceeded"
    except (OSError, ssl.SSLError) as error:
        return f"dial tcp: connect: {(error.strerror or str(error)).lower()}"
    return ""


async def _http_get(action: Object, container: Object, address: str) -> str:
    port = port_number(action.get("port"), container)
    host = str(action.get("host") or address)
    context = None
    if action.get("scheme") == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # a kubelet does not verify either
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        headers = [f"GET {action.get('path') or '/'} HTTP/1.1", f"Host: {host}:{port}"]
        headers += [f"{h['name']}: {h['value']}" for h in action.get("httpHeaders") or ()]
        headers += ["User-Agent: kube-probe/1.34", "Connection: close", "", ""]
        writer.write("\r\n".join(headers).encode())
        status = (await reader.readline()).split()
        code = int(status[1]) if len(status) > 1 and status[1].isdigit() else 0
    finally:
        writer.close()
    return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"
