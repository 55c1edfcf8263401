"""Decides what one user or AI agent may do, in this process.

It decides by a snapshot of that subject's rights which a lanyard server signs, and with the server's own engine as
WebAssembly::

    from lanyard_decide import Decider

    with Decider.load("https://lanyard.example", token=TOKEN) as decider:
        decision = decider.decide("Queues.Edit", {"type": "Queue", "id": QUEUE})
        if not decision:
            print(decision.why)
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Callable, Literal, Mapping, Optional, Sequence, TypedDict, Union

from ._engine import Engine, EngineError, encode

__all__ = [
    "Decider",
    "Decision",
    "Explanation",
    "FailedCondition",
    "Finding",
    "LanyardError",
    "Resource",
    "Status",
    "Subject",
]

_SNAPSHOT_PATH = "/lanyard/v1/subject-snapshot"
_KEYS_PATH = "/.well-known/lanyard-keys.json"
_MAX_ANSWER = 4 << 20

_WAIT = 25  # seconds for a change, in one request
_TIMEOUT = 15
_FIRST_RETRY = 1.0
_LAST_RETRY = 30.0


class Resource(TypedDict, total=False):
    """What access is asked to."""

    type: str
    id: str
    new: bool
    tags: Mapping[str, str]
    group: Union[str, Sequence[str]]  # its id, or the ids from level one down to it
    attributes: Mapping[str, str]
    channel: str


@dataclass(frozen=True)
class Subject:
    """A user, an AI agent, or an AI agent that assists a user."""

    id: str
    type: Literal["user", "ai_agent"] = "user"
    assisting: Optional[str] = None

    def _json(self) -> dict[str, str]:
        out = {"type": self.type, "id": self.id}
        if self.assisting is not None:
            out["assisting"] = self.assisting
        return out


@dataclass(frozen=True)
class Decision:
    """An answer. It is true if it allows."""

    allow: bool
    reason: str
    why: str
    profile: Optional[str] = None

    def __bool__(self) -> bool:
        return self.allow


@dataclass(frozen=True)
class FailedCondition:
    """A condition that a resource does not meet."""

    kind: str
    want: str
    have: Optional[str] = None


@dataclass(frozen=True)
class Finding:
    """What one security profile contributes."""

    profile: str
    name: str
    holder: str
    grants: bool
    allows: bool
    failed: tuple[FailedCondition, ...] = ()


@dataclass(frozen=True)
class Explanation(Decision):
    """An answer that says why, profile by profile."""

    profiles: tuple[Finding, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """What a Decider decides by, or why it denies everything."""

    ok: bool
    reason: Optional[str] = None
    why: Optional[str] = None
    instance: Optional[str] = None
    subject: Optional[Subject] = None
    revision: Optional[int] = None
    issued: Optional[datetime] = None
    expires: Optional[datetime] = None
    key: Optional[str] = None


class LanyardError(Exception):
    """The server refused, or did not answer."""

    def __init__(self, message: str, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Held:
    """A snapshot of the engine. It is replaced as a whole."""

    handle: int
    profiles: Sequence[str]
    status: Status
    # The clock when the snapshot came: a clock that is set back does not prolong it.
    wall: float = 0.0
    steady: float = 0.0
    # Of everything, whatever the snapshot says.
    denial: Optional[Decision] = None

    def now(self) -> float:
        """Returns the time in milliseconds since 1970."""
        return max(time.time(), self.wall + time.monotonic() - self.steady) * 1000


_NOTHING = _Held(0, (), Status(False, "no snapshot", "there is no subject snapshot"))


@dataclass
class _Source:
    """A server that signs snapshots."""

    url: str
    token: Optional[str]
    instance: Optional[str]
    subject: Optional[Subject]
    lifetime: Optional[int]
    known_keys: Optional[Any] = field(default=None)

    def snapshot(self, wait: int, same: Optional[str]) -> Optional[tuple[str, Optional[str]]]:
        """Asks for a snapshot and its tag; None when none but the one with the tag same came in so many seconds."""
        query: dict[str, str] = {}
        if self.subject is not None:
            query.update(self.subject._json())
        if self.instance is not None:
            query["instance"] = self.instance
        if self.lifetime is not None:
            query["lifetime"] = str(self.lifetime)
        if wait > 0:
            query["wait"] = str(wait)
        headers = {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if same is not None:
            headers["If-None-Match"] = same
        answer = self._get(f"{_SNAPSHOT_PATH}?{urllib.parse.urlencode(query)}", headers, wait)
        if answer is None:
            return None
        body, tag = answer
        return body.decode("ascii", "replace"), tag

    def keys(self, again: bool = False) -> Any:
        """Returns the server's keys, which are asked for once, and with again once more."""
        if again or self.known_keys is None:
            answer = self._get(_KEYS_PATH, {}, 0)
            try:
                self.known_keys = json.loads(answer[0]) if answer else {"keys": []}
            except ValueError as error:
                raise LanyardError(f"{self.url + _KEYS_PATH} does not answer with keys: {error}") from error
        return self.known_keys

    def _get(self, path: str, headers: dict[str, str], wait: int) -> Optional[tuple[bytes, Optional[str]]]:
        url = self.url + path
        try:
            with _opener.open(urllib.request.Request(url, headers=headers), timeout=wait + _TIMEOUT) as answer:
                body = answer.read(_MAX_ANSWER + 1)
                if answer.length:  # so many bytes were announced and did not come
                    raise LanyardError(f"{url} does not answer in full")
                if answer.status != 200 or len(body) > _MAX_ANSWER:
                    raise LanyardError(f"{url} answered {answer.status} with {len(body)} bytes")
                return body, answer.headers.get("ETag")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    return None
                text = error.read(4096).decode("utf-8", "replace")
            try:
                text = str(json.loads(text))
            except ValueError:
                pass  # it is not from lanyard
            raise LanyardError(f"{url} answered {error.code}: {text[:500]}", error.code) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise LanyardError(f"{url} does not answer: {error}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirections: the token is for one server."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


class Decider:
    """Decides for one subject. It is safe for concurrent use."""

    def __init__(self) -> None:
        """Use load or from_snapshot."""
        self._engine = Engine.shared()
        self._held = _NOTHING
        self._source: Optional[_Source] = None
        self._tag: Optional[str] = None
        self._owner: Optional[Status] = None  # whose snapshots these are, once it is known
        self._taking = threading.Lock()
        self._closed = threading.Event()
        self._listeners: list[Callable[[Status], None]] = []
        self._expiry: Optional[threading.Timer] = None

    @classmethod
    def load(
        cls,
        url: str,
        *,
        token: Optional[str] = None,
        instance: Optional[str] = None,
        subject: Optional[Subject] = None,
        lifetime: Optional[int] = None,
        follow: bool = True,
        on_error: Optional[Callable[[Exception], None]] = None,
    ) -> "Decider":
        """Loads the snapshot of a subject from a server and, if follow, keeps it current until close.

        Without a subject it is the one to which the token is bound. lifetime is how long a snapshot may be valid, in
        seconds, up to 3,600; the server's default is 300. on_error is told of each refresh that fails.
        """
        decider = cls()
        decider._source = _Source(url.rstrip("/"), token, instance, subject, lifetime)
        decider.refresh()
        if follow:
            threading.Thread(
                target=decider._follow, args=(on_error or (lambda error: None),), name="lanyard-decide", daemon=True
            ).start()
        return decider

    @classmethod
    def from_snapshot(
        cls,
        snapshot: str,
        keys: Mapping[str, Any],
        *,
        instance: Optional[str] = None,
        subject: Optional[Subject] = None,
    ) -> "Decider":
        """Decides by a snapshot that came in another way. If it is of no use, everything is denied.

        keys are the server's, a JWK set, from a source that you trust.
        """
        decider = cls()
        decider._take(snapshot, keys, instance, subject)
        return decider

    @property
    def status(self) -> Status:
        """What is decided by, or why everything is denied."""
        held = self._held
        if held.denial is not None:
            return replace(held.status, ok=False, reason=held.denial.reason, why=held.denial.why)
        expires = held.status.expires
        if held.status.ok and expires is not None and held.now() >= expires.timestamp() * 1000:
            denied = self.explain("")
            return replace(held.status, ok=False, reason=denied.reason, why=denied.why)
        return held.status

    def decide(
        self,
        action: str,
        resource: Optional[Resource] = None,
        *,
        surface: Literal["admin", "reports"] = "admin",
    ) -> Decision:
        """Decides. It raises TypeError or ValueError for what is no question, and denies what it cannot know."""
        question = encode(action, resource, surface)
        with self._engine.lock:
            held = self._held
            if held.denial is not None:
                return held.denial
            try:
                number = self._engine.decide(held.handle, question, held.now())
            except EngineError as error:
                return Decision(False, "engine failed", str(error))
        reason, why = self._engine.codes[number >> 1 & 127]
        if not why:
            denied = self.explain(action, resource, surface=surface)
            return Decision(denied.allow, denied.reason, denied.why, denied.profile)
        if number & 1 == 0:
            return Decision(False, reason, why)
        place = number >> 8
        return Decision(True, reason, why, held.profiles[place - 1] if place else None)

    def explain(
        self,
        action: str,
        resource: Optional[Resource] = None,
        *,
        surface: Literal["admin", "reports"] = "admin",
    ) -> Explanation:
        """Decides and says why, profile by profile."""
        question = encode(action, resource, surface)
        with self._engine.lock:
            held = self._held
            if held.denial is not None:
                return Explanation(False, held.denial.reason, held.denial.why)
            try:
                x = self._engine.explain(held.handle, question, held.now())
            except EngineError as error:
                return Explanation(False, "engine failed", str(error))
        return Explanation(
            x["allow"],
            x["reason"],
            x["why"],
            x.get("profile"),
            tuple(
                Finding(
                    p["profile"],
                    p["name"],
                    p["holder"],
                    p["grants"],
                    p["allows"],
                    tuple(FailedCondition(c["kind"], c["want"], c.get("have")) for c in p.get("failed", ())),
                )
                for p in x["profiles"]
            ),
            tuple(x["hints"]),
        )

    def refresh(self) -> None:
        """Asks the server for the rights as they are now. The last snapshot stays if that cannot be had."""
        self._fetch(0, None)

    def on_change(self, listener: Callable[[Status], None]) -> Callable[[], None]:
        """Calls listener after each change of the rights, and when everything becomes denied or decided again.

        It is called in a thread of the Decider. What is returned ends that.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def __del__(self) -> None:
        try:  # the engine holds the snapshots of others too
            if self._held.handle:
                with self._engine.lock:
                    self._engine.free(self._held.handle)
        except Exception:  # as when the interpreter ends
            pass

    def close(self) -> None:
        """Ends following. Decisions go on until the snapshot expires."""
        self._closed.set()
        if self._expiry is not None:
            self._expiry.cancel()

    def __enter__(self) -> "Decider":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _take(self, snapshot: str, keys: Any, instance: Optional[str], subject: Optional[Subject]) -> Status:
        """Replaces what is decided by. What is of no use replaces it too: the server said so, or somebody in between."""
        wall, steady = time.time(), time.monotonic()
        request: dict[str, Any] = {"snapshot": snapshot, "keys": keys, "now": wall * 1000}
        if instance is not None:
            request["instance"] = instance
        if subject is not None:
            request["subject"] = subject._json()
        if self._engine.failed:
            self._engine, self._held = Engine.shared(), _NOTHING
        with self._engine.lock:
            handle, loaded = self._engine.load(request)
            status = _status(loaded)
            before = self._held
            self._held = _Held(handle, loaded.get("profiles", ()), status, wall, steady)
            if before.handle:
                self._engine.free(before.handle)
        if self._expiry is not None:
            self._expiry.cancel()
        if status.ok and status.expires is not None and not self._closed.is_set():
            self._expiry = threading.Timer(max(0.0, status.expires.timestamp() - wall) + 0.001, self._changed)
            self._expiry.daemon = True
            self._expiry.start()
        return status

    def _fetch(self, wait: int, same: Optional[str]) -> None:
        """Fetches a snapshot, waiting for one that differs."""
        source = self._source
        if source is None:
            raise LanyardError("a Decider of a snapshot has no server to ask")
        try:
            answer = source.snapshot(wait, same)
            if answer is None:
                return
            snapshot, tag = answer
            keys = source.keys()
            with self._taking:
                was = self.status
                owner = self._owner
                subject = source.subject or (owner.subject if owner else None)
                instance = source.instance or (owner.instance if owner else None)
                status = self._take(snapshot, keys, instance, subject)
                if status.reason in ("unknown key", "invalid snapshot"):  # what came for keys may have been none
                    status = self._take(snapshot, source.keys(again=True), instance, subject)
                if status.ok:
                    self._owner = status
                changed = tag is None or tag != self._tag or was.ok != status.ok
                self._tag = tag
        except LanyardError as error:
            # Who is told that there are no rights has none; who cannot ask has those of the last snapshot until it
            # expires.
            if error.status in (401, 403, 404):
                with self._taking:
                    changed = self._held.denial is None
                    self._held = replace(self._held, denial=Decision(False, "refused by the server", str(error)))
                    self._tag = None
                if changed:
                    self._changed()
            raise
        if changed:
            self._changed()

    def _changed(self) -> None:
        status = self.status
        for listener in list(self._listeners):
            listener(status)

    def _follow(self, on_error: Callable[[Exception], None]) -> None:
        """Follows changes until close: it waits for one, and has the snapshot renewed at half of its life."""
        retry = _FIRST_RETRY
        while not self._closed.is_set():
            try:
                status = self.status
                half = 0.0
                if status.ok and status.issued is not None and status.expires is not None:
                    middle = (status.issued.timestamp() + status.expires.timestamp()) / 2
                    half = middle - self._held.now() / 1000
                wait = min(_WAIT, int(half))
                if wait >= 1:
                    self._fetch(wait, self._tag)
                else:
                    self._fetch(0, None)
                    if not self.status.ok:
                        self._closed.wait(retry)
                        retry = min(2 * retry, _LAST_RETRY)
                        continue
                retry = _FIRST_RETRY
            except Exception as error:  # of the server, or of a listener: following goes on
                if self._closed.is_set():
                    return
                on_error(error)
                self._closed.wait(retry * random.uniform(0.5, 1.5))
                retry = min(2 * retry, _LAST_RETRY)


def _status(loaded: Mapping[str, Any]) -> Status:
    subject = loaded.get("subject")
    return Status(
        loaded["ok"],
        loaded.get("reason"),
        loaded.get("why"),
        loaded.get("instance"),
        Subject(subject["id"], subject["type"], subject.get("assisting")) if subject else None,
        loaded.get("revision"),
        _time(loaded.get("issued")),
        _time(loaded.get("expires")),
        loaded.get("key"),
    )


def _time(milliseconds: Optional[int]) -> Optional[datetime]:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
