"""Has the AWS clients of this process talk to a server of lanyard instead of Amazon Connect."""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

import boto3
import botocore.httpsession
import botocore.loaders
import botocore.session

if TYPE_CHECKING:
    from ._server import Server

# Where Amazon Connect is in any partition, and how the names of all endpoints of AWS end.
_CONNECT = re.compile(r"connect(-fips)?\.[a-z0-9-]+\.")
_AWS = (
    ".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu", ".amazonaws-eusc.eu", ".c2s.ic.gov", ".sc2s.sgov.gov", ".cloud.adc-e.uk", ".csp.hci.ic.gov",
)

_SCOPE = re.compile(r"Credential=[^/,]+/(\d{8})/[^/,]+/")

# Settings of the developer that would take a client elsewhere.
_REMOVED = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class RealEndpointRefused(RuntimeError):
    """A request to AWS, which no test that uses lanyard may send."""


def environment_of(url: str, account: str, region: str) -> dict[str, str]:
    """Returns the variables with which any AWS SDK, the AWS CLI and Terraform use the server at url."""
    return {
        "AWS_ENDPOINT_URL_CONNECT": url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "lanyard",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets variables, and removes those that would take a client elsewhere, until it ends."""
    changed: dict[str, str | None] = dict.fromkeys(_REMOVED)
    changed.update(variables)
    for name in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(name)
        changed[name] = f"{others},127.0.0.1" if others else "127.0.0.1"
    before = {name: os.environ.get(name) for name in changed}
    try:
        _set(changed)
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


_loader = botocore.loaders.create_loader()  # reads the model of Amazon Connect once for all sessions: 0.2 seconds


def new_session() -> boto3.Session:
    """Returns a session that reads no file of the developer and has no profile."""
    session = botocore.session.Session(session_vars={
        "profile": (None, None, None, None), "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None)})
    session.register_component("data_loader", _loader)
    return boto3.Session(botocore_session=session)


_lock = threading.Lock()
_targets: list[Server] = []  # of the redirections that have begun, the newest last
_send = botocore.httpsession.URLLib3Session.send


@contextmanager
def requests_to(server: Server) -> Iterator[None]:
    """Sends requests to Amazon Connect to a server until it ends, also those of clients that were made before, such as in
    a module that a test imports. Other requests to AWS are refused, unless the server allows them."""
    with _lock:
        _targets.append(server)
        botocore.httpsession.URLLib3Session.send = _redirected_send
        default, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, new_session()
    try:
        yield
    finally:
        with _lock:
            _targets.remove(server)
            boto3.DEFAULT_SESSION = default
            if not _targets:
                botocore.httpsession.URLLib3Session.send = _send


def _redirected_send(session: Any, request: Any) -> Any:
    with _lock:
        server = _targets[-1] if _targets else None
    host = urlsplit(request.url).hostname or ""
    if server is None or not host.endswith(_AWS):
        return _send(session, request)
    if _CONNECT.match(host):
        _readdress(request, server)
        direct = botocore.httpsession.URLLib3Session(proxies={})  # the client's own may use a proxy
        try:
            return _send(direct, request)
        finally:
            direct.close()
    if server.allow_aws:
        return _send(session, request)
    raise RealEndpointRefused(
        f"a test that uses lanyard sent a request to {host}. Use an emulator of that service, such as moto, or let requests "
        "to AWS through: lanyard_allow_aws = true in pytest's configuration, Server(allow_aws=True) elsewhere.")


def _readdress(request: Any, server: Server) -> None:
    """Has a request for Amazon Connect go to the server, for its account and region. It verifies no signature."""
    here, there = urlsplit(server.url), urlsplit(request.url)
    request.url = urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))
    for name in ("Host", "X-Amz-Security-Token"):
        if name in request.headers:
            del request.headers[name]
    signature = request.headers.get("Authorization", "")
    if isinstance(signature, bytes):
        signature = signature.decode("ascii", "replace")
    request.headers["Authorization"] = _SCOPE.sub(rf"Credential={server.account}/\1/{server.region}/", signature)
