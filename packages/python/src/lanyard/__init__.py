"""Amazon Connect's security profiles in tests: a server, boto3 clients of it, and assertions about who may do what.

With pytest, nothing has to be imported: the fixtures ``connect``, ``connect_instance_id`` and ``lanyard`` are there.
Elsewhere::

    with lanyard.Server() as server:
        connect = server.client()
"""

from ._binary import UnsupportedPlatform
from ._decisions import Decision, UnknownName, assert_allowed, assert_denied, decide
from ._redirect import RealEndpointRefused
from ._server import Server, ServerError

__all__ = [
    "Decision", "RealEndpointRefused", "Server", "ServerError", "UnknownName", "UnsupportedPlatform",
    "assert_allowed", "assert_denied", "decide",
]

for _public in (Decision, RealEndpointRefused, Server, ServerError, UnknownName, UnsupportedPlatform):
    _public.__module__ = __name__  # where users import them from, as tracebacks show it
