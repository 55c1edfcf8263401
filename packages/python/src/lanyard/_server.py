"""Starts the server as a child process, and talks to it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import IO, Any, Iterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

import botocore.config

from . import _redirect
from ._binary import find_binary
from ._decisions import Decision, Resource, assert_allowed, assert_denied, decide

_ALIAS = "lanyard-tests"
_FRESH = "lanyard-fresh"
_TIMEOUT = 60.0
_NO_SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init")  # does not exist: those of a machine do not run


class ServerError(RuntimeError):
    """The server did not start, or refused what it was asked for."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status of a refusal."""


_running: list["Server"] = []
_all: "weakref.WeakSet[Server]" = weakref.WeakSet()


def current() -> "Server":
    """Returns the server that started last."""
    if not _running:
        raise ServerError("no server runs in this process: use the fixture lanyard or connect, or lanyard.Server()")
    return _running[-1]


@contextmanager
def use(server: "Server") -> Iterator[None]:
    """Makes a server the current one until it ends."""
    _running.append(server)
    try:
        yield
    finally:
        _running.reverse()
        _running.remove(server)  # the last one: start() has appended it, too
        _running.reverse()


class Server:
    """A server in memory, with one instance of Amazon Connect in it.

    It ends with stop() or the end of a with block, and at the latest with this process, however that ends::

        with lanyard.Server() as server:
            connect = server.client()
            connect.list_security_profiles(InstanceId=server.instance_id)
    """

    def __init__(self, *flags: str, account: str = "123456789012", region: str = "us-east-1", allow_aws: bool = False,
                 start_timeout: float = 30.0) -> None:
        """flags are further flags of ``lanyard serve``. With allow_aws, redirected() lets requests to other services of
        AWS through."""
        self.account, self.region, self.allow_aws = account, region, allow_aws
        self.url = ""
        self.instance_id = ""
        self.instance_arn = ""
        self._flags, self._start_timeout = flags, start_timeout
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[bytes] | None = None

    # Start and end.

    def start(self) -> "Server":
        """Starts the server, and returns it when it answers."""
        if self._process is not None:
            raise ServerError("the server is running already")
        try:
            self._spawn()
            self._create_instance()
        except BaseException:
            self.stop()
            raise
        _running.append(self)
        return self

    def _spawn(self) -> None:
        command = [
            find_binary(), "serve", "--emulator", "--store", "memory", "--listen", "127.0.0.1:0", "--account", self.account,
            "--region", self.region, "--stop-at-eof", "--grace", "1s", "--log-format", "json", "--init-dir", _NO_SCRIPTS,
            *self._flags]
        self._log = tempfile.TemporaryFile(prefix="lanyard-")
        # A session or process group of its own keeps it from Ctrl-C, which would end it before the tests that use it. It
        # ends when its standard input does, which the system closes if this process is killed.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8",
            env=_clean_environment(), **apart)
        _all.add(self)
        self.url = self._await_ready(self._process.stdout)

    def _await_ready(self, output: IO[str] | None) -> str:
        """Returns the address that the server prints before its line that ends in Ready."""
        assert output is not None
        lines: "queue.SimpleQueue[str | None]" = queue.SimpleQueue()
        threading.Thread(target=_read_lines, args=(output, lines), name="lanyard output", daemon=True).start()
        deadline, url = time.monotonic() + self._start_timeout, ""
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise ServerError(f"the server was not ready after {self._start_timeout:g} seconds:\n{self.log()}") from None
            if line is None:
                raise ServerError(f"the server did not start:\n{self.log()}")
            found = re.search(r"https?://[^\s,]+[^\s,.]", line)
            url = url or (found.group() if found else "")
            if url and line.rstrip().endswith("Ready."):
                return url

    def _create_instance(self) -> None:
        made = self.request("PUT", "/instance", {
            "IdentityManagementType": "CONNECT_MANAGED", "InstanceAlias": _ALIAS, "InboundCallsEnabled": True,
            "OutboundCallsEnabled": True})
        self.instance_id, self.instance_arn = made["Id"], made["Arn"]
        self.save(_FRESH)

    def stop(self) -> None:
        """Ends the server. A server that has ended is left as it is."""
        if self in _running:
            _running.remove(self)
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process_id(self) -> int:
        """The id of the server's process."""
        if self._process is None:
            raise ServerError("the server does not run")
        return self._process.pid

    def log(self) -> str:
        """Returns the end of what the server has logged."""
        if self._log is None:
            return ""
        if sys.platform != "win32":  # where the server writes at the same offset, which must not move
            size = os.fstat(self._log.fileno()).st_size
            return os.pread(self._log.fileno(), 8000, max(0, size - 8000)).decode("utf-8", "replace")
        with open(self._log.fileno(), "rb", closefd=False) as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8000))
            return log.read().decode("utf-8", "replace")

    # Clients.

    def client(self, **options: Any) -> Any:
        """Returns a boto3 client of Amazon Connect that talks to this server, whatever the settings of the machine say.

        It does not retry, so that a test sees each exception at once. options are those of boto3's Session.client().
        """
        ours = botocore.config.Config(
            retries={"total_max_attempts": 1, "mode": "standard"}, proxies={}, defaults_mode="legacy",
            use_fips_endpoint=False, use_dualstack_endpoint=False)
        theirs = options.pop("config", None)
        return _redirect.new_session().client("connect", **{
            "region_name": self.region, "endpoint_url": self.url, "aws_access_key_id": self.account,
            "aws_secret_access_key": "lanyard", **options, "config": ours.merge(theirs) if theirs else ours})

    def environment(self) -> dict[str, str]:
        """Returns the variables with which other programs use this server: AWS SDKs, the AWS CLI, Terraform."""
        return _redirect.environment_of(self.url, self.account, self.region)

    @contextmanager
    def redirected(self) -> Iterator["Server"]:
        """Has all clients of Amazon Connect in this process talk to this server until it ends: those that are made in the
        meantime, by environment(), and those that were made before. Requests to other services of AWS are refused."""
        with _redirect.environment(self.environment()), _redirect.requests_to(self):
            yield self

    # State.

    def reset(self, *seeds: str | os.PathLike[str], parameters: Mapping[str, str] | None = None) -> None:
        """Goes back to the instance as it was at first, or as these templates make it: no faults, the real time."""
        name = _name_of(seeds, parameters or {}) if seeds else _FRESH
        self.request("POST", "/_lanyard/state/reset")  # which removes faults, and sets the clock
        if not self._load_if_saved(name):
            self.load(_FRESH)
            self.apply(*seeds, parameters=parameters)
            with suppress(ServerError):  # when too many states are kept, this one is made again each time
                self.save(name)

    def _load_if_saved(self, name: str) -> bool:
        try:
            self.load(name)
        except ServerError as e:
            if name == _FRESH or e.status != 404:
                raise
            return False
        return True

    def apply(self, *templates: str | os.PathLike[str], parameters: Mapping[str, str] | None = None) -> None:
        """Changes the instance to match CloudFormation templates, as ``lanyard apply`` does."""
        flags = [f"--param={k}={v}" for k, v in (parameters or {}).items()]
        done = subprocess.run(
            [find_binary(), "apply", "--yes", "--instance", self.instance_id, *flags, "--", *(os.fspath(t) for t in templates)],
            env={**_clean_environment(), **self.environment()}, capture_output=True, text=True, encoding="utf-8",
            errors="replace", stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise ServerError(f"lanyard apply: {(done.stderr or done.stdout).strip()}")

    def add_profile(self, name: str, *permissions: str, **more: Any) -> str:
        """Creates a security profile with permissions, and returns its id. more are further parameters of
        CreateSecurityProfile, such as TagRestrictedResources."""
        made = self.request("PUT", f"/security-profiles/{self.instance_id}", {
            "SecurityProfileName": name, "Permissions": list(permissions), **more})
        return str(made["SecurityProfileId"])

    def add_user(self, name: str, *profiles: str, tags: Mapping[str, str] | None = None, **more: Any) -> str:
        """Creates a user with security profiles, given by their names or ids, and returns the user's id. more are further
        parameters of CreateUser, such as HierarchyGroupId."""
        known = self._list("security-profiles", "SecurityProfile")
        made = self.request("PUT", f"/users/{self.instance_id}", {
            "Username": name, "Password": "Lanyard-Test-1", "IdentityInfo": {"FirstName": name, "LastName": name},
            "PhoneConfig": {"PhoneType": "SOFT_PHONE"}, "SecurityProfileIds": [known.get(p, p) for p in profiles],
            "RoutingProfileId": next(iter(self._list("routing-profiles", "RoutingProfile").values()), ""), "Tags": dict(tags or {}),
            **more})
        return str(made["UserId"])

    def _list(self, path: str, word: str) -> dict[str, str]:
        """Returns ids by name."""
        ids: dict[str, str] = {}
        token = ""
        while True:
            page = self.request("GET", f"/{path}-summary/{self.instance_id}?maxResults=1000&nextToken={quote(token, safe='')}")
            ids.update({one["Name"]: one["Id"] for one in page[f"{word}SummaryList"]})
            token = page.get("NextToken", "")
            if not token:
                return ids

    def save(self, name: str) -> None:
        """Keeps the state of everything under a name, in the server's memory."""
        self.request("POST", f"/_lanyard/state/save?name={quote(name, safe='')}")

    def load(self, name: str) -> None:
        """Goes back to a state that was saved."""
        self.request("POST", f"/_lanyard/state/load?name={quote(name, safe='')}")

    def set_time(self, now: datetime | None, *, frozen: bool = False) -> None:
        """Sets the server's clock, which goes on from there unless it is frozen. None is the real time."""
        if now is None:
            self.request("DELETE", "/_lanyard/time")
            return
        self.request("PUT", "/_lanyard/time", {"time": now.astimezone(timezone.utc).isoformat().replace("+00:00", "Z"), "frozen": frozen})

    # Faults.

    def fault(self, operation: str, exception: str = "", *, rate: float = 1, latency: float = 0, count: int = 0) -> None:
        """Has calls of an operation ("*": of all) fail with an exception, or take longer by latency seconds.

        rate is the share of the calls; count is how many calls, with 0 for no end.
        """
        self.request("POST", "/lanyard/v1/faults", {
            "Operation": operation, "Exception": exception, "Rate": rate, "Latency": round(latency * 1e9), "Count": count})

    def clear_faults(self) -> None:
        """Removes all faults."""
        self.request("DELETE", "/_lanyard/chaos/faults")
        self.request("DELETE", "/lanyard/v1/faults")

    # Decisions.

    def decide(self, subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
        """Answers as lanyard.decide()."""
        return decide(subject, permission, resource, server=self, **question)

    def assert_allowed(self, subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
        """Fails as lanyard.assert_allowed()."""
        __tracebackhide__ = True
        return assert_allowed(subject, permission, resource, server=self, **question)

    def assert_denied(self, subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
        """Fails as lanyard.assert_denied()."""
        __tracebackhide__ = True
        return assert_denied(subject, permission, resource, server=self, **question)

    def request(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Any:
        """Sends a request of JSON, and returns the answer. It refuses with ServerError."""
        if self._process is None:
            raise ServerError("the server does not run")
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)
        try:
            connection.request(method, target, json.dumps(body) if body is not None else None, {
                "Content-Type": "application/json", "Authorization": _authorization(self.account, self.region)})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except OSError as e:
            raise ServerError(f"the server does not answer ({e}):\n{self.log()}") from e
        finally:
            connection.close()
        if answer.status >= 300:
            raise ServerError(_message_of(text) or f"{method} {target} is answered with status {answer.status}", answer.status)
        return json.loads(text) if text.strip() else None


def _authorization(account: str, region: str) -> str:
    """A signature that names the account. The server verifies none."""
    return (f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/connect/aws4_request, SignedHeaders=host, "
            f"Signature={'0' * 64}")


def _clean_environment() -> dict[str, str]:
    """The environment without settings of the developer."""
    return {k: v for k, v in os.environ.items() if not k.upper().startswith(("AWS_", "LANYARD_"))}


def _read_lines(output: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    with output:
        for line in output:
            lines.put(line)
    lines.put(None)


def _name_of(seeds: Sequence[str | os.PathLike[str]], parameters: Mapping[str, str]) -> str:
    """The name of the state that templates make: another one when their text changes."""
    content = hashlib.sha256(json.dumps(sorted(parameters.items())).encode())
    for seed in seeds:
        path = os.path.abspath(seed)
        with open(path, "rb") as f:
            content.update(path.encode() + b"\0" + hashlib.sha256(f.read()).digest())
    return "lanyard-seed-" + content.hexdigest()[:32]


def _message_of(text: str) -> str:
    """The message of an error."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text.strip()
    if isinstance(answer, dict):
        for name in ("Message", "message", "error"):
            if isinstance(answer.get(name), str):
                return str(answer[name])
    return answer if isinstance(answer, str) else text.strip()


def _after_fork() -> None:
    """A forked child gives back the servers' standard input, or it would keep them running."""
    for server in list(_all):
        process = server._process
        if process is not None and process.stdin is not None:
            process.stdin.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
