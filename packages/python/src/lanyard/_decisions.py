"""Asks a server who may do what, and turns answers into assertions that say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Union

if TYPE_CHECKING:
    from ._server import Server

Resource = Union[str, Mapping[str, Any]]

class UnknownName(LookupError):
    """What a question names does not exist."""


@dataclass(frozen=True)
class Decision:
    """The answer to a question."""

    allowed: bool
    reason: str
    explanation: str
    answer: Mapping[str, Any]
    """The whole answer, as AuthZEN has it."""

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        word = "allowed" if self.allowed else "denied"
        return "\n".join([f"{word}: {self.explanation}", *(f"  hint: {hint}" for hint in self.answer["context"].get("hints", ()))])


def decide(subject: str, permission: str, resource: Resource | None = None, *, server: Server | None = None,
           instance_id: str | None = None, tags: Mapping[str, str] | None = None, new: bool = False,
           assisting: str | None = None, context: Mapping[str, Any] | None = None) -> Decision:
    """Answers whether subject may do something, and why.

    subject is a user's name, id or ARN, or the ARN of an AI agent (assisting names the user whom it assists).
    permission is, for example, ``Users.Edit``, or a tool of an application. resource is ``TYPE/NAME``, ``TYPE/ID`` or a
    resource as AuthZEN has it; by default the question is whether it may be done to anything at all. tags are those of a
    resource that is about to be created (new), or that lanyard does not store. server is by default the one that started
    last.
    """
    if server is None:
        from ._server import current
        server = current()
    base = f"/instances/{instance_id or server.instance_id}/access/v1"
    found = _resource(server, base, resource, tags, new)
    answer = server.request("POST", base + "/evaluation", {
        "subject": _subject(subject, assisting), "action": {"name": permission}, "resource": found,
        "context": {**(context or {}), "explain": True}})
    told = answer["context"]
    explanation = str(told.get("explanation", ""))
    if isinstance(resource, str) and found["id"]:  # as whoever asked named it
        explanation = explanation.replace(found["id"], resource.partition("/")[2])
    return Decision(answer["decision"], told.get("reason", ""), explanation, answer)


def _subject(subject: str, assisting: str | None) -> dict[str, Any]:
    if ":ai-agent/" in subject:
        return {"type": "ai_agent", "id": subject, **({"properties": {"assisting": assisting}} if assisting else {})}
    return {"type": "user", "id": subject.rsplit("/", 1)[-1] if subject.startswith("arn:") else subject}


def _resource(server: Server, base: str, resource: Resource | None, tags: Mapping[str, str] | None, new: bool) -> dict[str, Any]:
    if resource is None:
        return {"type": "Instance", "id": ""}
    if not isinstance(resource, str):
        return dict(resource)
    kind, slash, ref = resource.partition("/")
    if not slash:
        raise ValueError(f'resource must be TYPE/NAME or TYPE/ID, such as User/ann, got "{resource}"')
    found: dict[str, Any] = {"type": kind, "id": ref}
    properties: dict[str, Any] = {}
    if tags is not None:
        properties["tags"] = dict(tags)
    if new:
        properties["new"] = True
    else:
        found["id"] = _lookup(server, base, kind, ref)
    if properties:
        found["properties"] = properties
    return found


def _lookup(server: Server, base: str, kind: str, ref: str) -> str:
    results = server.request("POST", base + "/lookup", {"resource": {"type": kind, "id": ref}})["results"]
    if not results:
        return ref  # of a type without names, or something deleted: the decision tells
    ids = [r["id"] for r in results]
    if len(ids) > 1 and ref not in ids:
        raise UnknownName(f'{kind} must be named by its id, got "{ref}", which is the name of {", ".join(ids)}')
    return ref if ref in ids else str(ids[0])


def assert_allowed(subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
    """Fails, with the reason, unless subject may do something. It takes what decide() takes."""
    __tracebackhide__ = True
    decision = decide(subject, permission, resource, **question)
    if not decision:
        raise AssertionError(f"this must be allowed, got {decision}")
    return decision


def assert_denied(subject: str, permission: str, resource: Resource | None = None, *, unknown: bool = False,
                  **question: Any) -> Decision:
    """Fails, with the reason, if subject may do something. It takes what decide() takes.

    A misspelt name would be denied, too. So a subject, a resource or a permission that does not exist raises
    UnknownName, unless unknown is set.
    """
    __tracebackhide__ = True
    decision = decide(subject, permission, resource, **question)
    if decision:
        raise AssertionError(f"this must be denied, got {decision}")
    if decision.reason.startswith("unknown") and not unknown and not (
            decision.reason == "unknown subject" and ":ai-agent/" in subject):  # an agent exists by its profiles alone
        raise UnknownName(f"{decision.explanation} Set unknown=True if that is what you test.")
    return decision
