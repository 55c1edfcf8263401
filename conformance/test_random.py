"""Random requests: whatever is sent, the model allows the answer, and it is never an internal failure."""
import os
import random

import pytest

import check
import operations
from centre import MISSING, Centre

SEED = int(os.environ.get("LANYARD_SEED", "1"))
JUNK = [None, "", " ", "x", "x" * 300, "é\u0000\u200b", "\U0001f512" * 40, "../..", "%", "arn:", "arn:aws:connect:us-east-1:123456789012:instance/a/b/c", MISSING,
        0, -1, 1, 2**31, 2**53, -2**63, 1e308, 0.5, True, False, [], {}, [None], [[]], [{}], {"": ""}, {"a": None}, ["a"] * 600, {str(i): i for i in range(60)}]


def mess(r, shape, samples, depth=0):
    """A value for a shape: often right, sometimes junk."""
    if r.random() < 0.15:
        return r.choice(JUNK)
    if shape.name in samples and r.random() < 0.7:
        sample = samples[shape.name]
        return sample() if callable(sample) else sample
    if shape.type_name == "structure":
        if depth > 6:
            return {}
        return {m.serialization.get("name", n): mess(r, m, samples, depth + 1) for n, m in shape.members.items() if r.random() < 0.4}
    if shape.type_name == "list":
        return [mess(r, shape.member, samples, depth + 1) for _ in range(r.randrange(4))]
    if shape.type_name == "map":
        return {str(mess(r, shape.key, samples, depth + 1)): mess(r, shape.value, samples, depth + 1) for _ in range(r.randrange(3))}
    if shape.type_name == "boolean":
        return r.random() < 0.5
    if shape.type_name in ("integer", "long"):
        return r.randrange(0, 12)
    return r.choice(shape.enum) if getattr(shape, "enum", None) else r.choice(["v", "name", "k", "Users.View"])


@pytest.mark.parametrize("operation", [n for n in operations.named(operations.SERVED) if not n.startswith("Delete")])
def test_junk(random_requests, wire, operation):
    r = random.Random(f"{SEED} {operation}")
    model = check.MODEL.operation_model(operation)
    shape = model.input_shape
    for _ in range(40):
        samples = random_requests.samples(operation)
        params = random_requests.params(operation)
        body = {}
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            if location == "uri":
                if r.random() < 0.1:
                    params[name] = r.choice(["x", "é", "..", "a/b", "x" * 200, "arn:aws:connect:us-east-1:123456789012:instance/a"])
            elif location == "querystring":
                if r.random() < 0.4:
                    params[name] = r.choice(["", "x", "0", "-1", "5", "1e3", "é"]) if member.type_name != "list" else r.sample(["", "k", "é", "x" * 200], 2)
            elif r.random() < 0.6:
                body[member.serialization.get("name", name)] = mess(r, member, samples)
        answer = wire.operation(operation, params, (lambda sent: sent | body) if body else None)
        assert answer.status < 500, f"seed {SEED}: {operation} {params} {body}: {answer}"


@pytest.fixture(scope="module")
def random_requests(connect):
    return operations.Requests(connect)


def test_still_sound(random_requests):
    """After all that, everything that is stored can still be read, and answers as the model has it."""
    c: Centre = random_requests.centre
    for operation, member in (("list_users", "UserSummaryList"), ("list_queues", "QueueSummaryList"), ("list_routing_profiles", "RoutingProfileSummaryList"),
                              ("list_hours_of_operations", "HoursOfOperationSummaryList"), ("list_security_profiles", "SecurityProfileSummaryList")):
        for item in getattr(c, operation)(MaxResults=1000)[member]:
            if member == "SecurityProfileSummaryList":
                c.reads(item["Id"])
    for search in ("search_users", "search_queues", "search_routing_profiles", "search_hours_of_operations", "search_contact_flow_modules",
                   "search_security_profiles", "search_user_hierarchy_groups"):
        getattr(c, search)(MaxResults=100)
