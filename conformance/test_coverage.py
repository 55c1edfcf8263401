"""Every operation of the model: answered, empty, or refused by name."""
import botocore.session
import pytest

import check
import operations
from centre import MISSING, Centre

LABELS = {"UserId": "user", "QueueId": "queue", "RoutingProfileId": "routing", "HoursOfOperationId": "hours", "ContactFlowModuleId": "module",
          "QuickConnectId": "quick"}


@pytest.fixture(scope="module")
def there(connect):
    """An instance with one of everything that a list can hang under."""
    c = Centre(connect)
    c.made = {"user": c.user(), "queue": c.queue(), "routing": c.routing(), "hours": c.hours(), "module": c.module(), "quick": c.quick_connect()}
    return c


def filled(shape, c, labels=LABELS, instance=None):
    """Required members with values that fit."""
    out = {}
    for name in shape.required_members:
        s = shape.members[name]
        out[name] = value(name, s, c, labels, instance)
    if "InstanceId" in shape.members:
        out["InstanceId"] = instance or c.id
    return out


def value(name, s, c, labels, instance):
    if name == "InstanceId":
        return instance or c.id
    if name in labels:
        return c.made[labels[name]]
    if s.type_name == "structure":
        return filled(s, c, labels, instance)
    if s.type_name == "list":
        return [value(name, s.member, c, labels, instance)] if s.metadata.get("min") else []
    if s.type_name == "map":
        return {}
    if s.type_name in ("integer", "long"):
        return max(1, s.metadata.get("min", 1))
    if s.type_name == "boolean":
        return True
    if s.type_name == "timestamp":
        return 1_700_000_000
    if s.enum:
        return s.enum[0]
    if name == "ResourceId" or name.endswith("Id"):
        return MISSING
    if name.lower().endswith("arn"):
        return c.instance_arn
    return "x" * max(1, s.metadata.get("min", 1))


def test_counts():
    rows = operations.table()
    unknown = set(rows) - set(botocore.session.get_session().get_service_model("connect").operation_names)
    assert not unknown
    profile_operations = {n for n in rows if "SecurityProfile" in n}
    assert {rows[n] for n in profile_operations} == {operations.SERVED}


@pytest.mark.parametrize("operation", operations.named(operations.EMPTY))
def test_empty(there, wire, operation):
    """A typed empty list for an instance that is there; not found for one that is not."""
    shape = check.MODEL.operation_model(operation).input_shape
    answer = wire.operation(operation, filled(shape, there))
    assert answer.status == 200, answer
    lists = [m for m, s in check.MODEL.operation_model(operation).output_shape.members.items() if s.type_name == "list"]
    assert answer.json.get(lists[0]) == [] and "NextToken" not in answer.json, answer
    if "InstanceId" in shape.members:
        declared = [e.name for e in check.MODEL.operation_model(operation).error_shapes]
        code = "ResourceNotFoundException" if "ResourceNotFoundException" in declared else "InvalidRequestException"
        answer = wire.operation(operation, filled(shape, there, instance=MISSING))
        assert answer.code == code and MISSING in answer.message, answer
    if "NextToken" in shape.members:
        answer = wire.operation(operation, filled(shape, there) | {"NextToken": "made-up"})
        assert answer.status == 400 and "NextToken" in answer.message, answer


@pytest.mark.parametrize("operation", operations.named(operations.EMPTY))
def test_empty_below_what_is_missing(there, wire, operation):
    shape = check.MODEL.operation_model(operation).input_shape
    for label in set(LABELS) & set(shape.required_members):
        answer = wire.operation(operation, filled(shape, there) | {label: MISSING})
        assert answer.code == "ResourceNotFoundException" and MISSING in answer.message, answer


@pytest.mark.parametrize("operation", operations.named(operations.NOT_SERVED))
def test_not_served(there, wire, operation):
    shape = check.MODEL.operation_model(operation).input_shape
    answer = wire.operation(operation, filled(shape, there) if shape else {})
    assert (answer.status, answer.code) == (501, "UnsupportedOperationException"), answer
    assert operation in answer.message and "docs/coverage.md" in answer.message


@pytest.mark.parametrize("method, path", [("GET", "/nowhere"), ("PATCH", "/security-profiles/x"), ("DELETE", "/instance"),
                                          ("GET", "/security-profiles/x/y/z"), ("PUT", "/security-profiles//"), ("FROB", "/instance")])
def test_no_such_path(wire, method, path):
    answer = wire.call(method, path)
    assert (answer.status, answer.code) == (404, "UnknownOperationException") and answer.headers["x-amzn-requestid"]
    assert answer.message


def test_health(server):
    import urllib.request
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(server.url + path, timeout=5) as answer:
            assert answer.status == 200
