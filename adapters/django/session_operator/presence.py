"""Tells the sidecar, once a process, that the adapter stands in Django: an app that nobody uses yet is not one without it.

At import, so neither a thread nor a kept connection: servers fork after importing.
"""

import os
import socket

from session_operator import runtime

REQUEST = b"POST /v1/loaded HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LONGEST = 0.25  # seconds that the app's start may wait for it


def tell():
    """Returns whether the sidecar heard it; where nobody listens yet, the first session operation says it."""
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(LONGEST)
            connection.connect(os.path.join(runtime.directory(), "api.sock"))
            connection.sendall(REQUEST)
            return b" 200 " in connection.recv(64)
        finally:
            connection.close()
    except OSError:
        return False
