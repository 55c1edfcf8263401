"""Bounds, enums, patterns, required members and types of every served operation's input, generated from the
service model. A value past the bound is refused with a message that names the member; a value at the bound is not
refused because of it."""
import copy
import fnmatch
import json
import pathlib
import random
import re
import uuid

import botocore
import pytest

import check
import operations
from centre import MISSING, Centre, fresh
from wire import Wire

# Shapes with a pattern: what fits and what does not, both within the other bounds.
PATTERNS = {
    "CreateSecurityProfileName": (["A_b @-9"], ["a.b", "é", "a\n", "a/b"]),
    "TagKey": (["Schlüssel 1_.:/=+-@", "国"], ["aws:x", "a#b", "a\nb", "a\u200bb"]),
    "DirectoryAlias": (["a-b9"], ["d-abc", "a_b", "-a", "a b"]),
    "DirectoryId": (["d-0123456789"], ["d-012345678X", "x-0123456789"]),
    "Password": (["Abcdefg1", "Aa1" + "é" * 61], ["Abcdefg", "abcdefg1", "ABCDEFG1", "Abcdefgh", "Aa1" + "b" * 62, "Abcd efg1"]),
    "PhoneNumber": (["+12025550123"], ["2025550123", "+0123", "+1", "+1234567890123456"]),
    "SensitivePhoneNumber": (["+12025550123"], ["2025550123", "+0123", "+1", "+1234567890123456"]),
    "PrimaryAttributeContextKeyName": (["Région 1"], ["aws:x", "connect:x", "国", "a\u0001"]),
    "IAMRestrictedPrimaryValue": (["Île-de-France"], ["国", "a\u0001", "a\u007f"]),
    "ContactFlowModuleAlias": (["a-b_c$1"], ["a--b", "a b", "é"]),
    "FlowModuleContentSha256": ([], ["-" * 64]),
    "InstanceIdOrArn": ([MISSING], ["x", MISSING + "0", "arn:aws:s3:::bucket"]),
    "ContactFlowModuleName": (["a"], [" ", "\t"]),
    "ContactFlowModuleDescription": (["a", ""], [" "]),
    "DataTableName": (["A b|-_.:=@'é"], ["a/b", "a\tb", "a\u0001", "a\u200bb"]),
    "RegionName": (["us-east-1"], ["US-EAST-1", "us"]),
    "ACGRInstanceIdOrArn": ([MISSING], ["a b", "arn:aws:s3:::bucket"]),
    "AwsRegion": (["us-east-1"], ["US-EAST-1"]),
    "CommonHumanReadableDescription": (["one", "国"], ["a\u0001"]),
    "CommonHumanReadableName": (["one", "国"], ["a\u0001"]),
    "DateTimeFormat": (["2026-03-14T15:09:26Z"], ["2026-03-14", "now"]),
    "DateYearMonthDayFormat": (["2026-03-14"], ["14.3.2026", "2026-3-14"]),
    "Description250": (["one two"], [" one", "one "]),
    "EmailAddress": (["one@example.com"], ["one", "one@example", "one two"]),
    "EvaluationFormMetricName": (["CSAT", "国"], ["a\u0001"]),
    "FlowContentSha256": (["a" * 64], ["-" * 64]),
    "HoursOfOperationOverrideYearMonthDayDateFormat": (["2026-03-14"], ["14.3.2026", "2026-3-14"]),
    "IpCidr": (["2001:db8::/32"], ["a b", "a_b"]),
    "Name128": (["one two"], [" one", "one "]),
    "Page": (["a"], ["a/b", "a\nb"]),
    "PhoneNumberDescription": (["one"], []),
    "PhoneNumberPrefix": (["+1"], ["a"]),
    "RuleName": (["a.b_-9"], ["国"]),
    "S3Uri": (["s3://bucket/a.wav"], ["bucket/a.wav"]),
    "SlaName": (["one two"], ["one "]),
    "Slug": (["one", ""], ["a/b", "a\nb"]),
    "SourceApplicationName": (["A b_-9"], ["a.b", "国"]),
    "ThemeImageLink": (["a"], [" "]),
    "ThemeString": (["a"], [" "]),
    "TrafficDistributionGroupIdOrArn": ([MISSING], ["x", MISSING + "0"]),
    "ViewAction": (["One (1)"], ["a#b"]),
    "ViewContentSha256": ([], ["-"]),
    "ViewDescription": (["One, two"], ["a#b"]),
    "ViewId": (["a-b_c:d/e$"], ["a b", "国"]),
    "ViewName": (["One (1)"], ["a#b"]),
    "ViewsClientToken": (["One 1"], ["a#b"]),
    "ViewsInstanceId": ([MISSING], ["a b", "国"]),
    "ViewsNextToken": ([], ["国"]),
    "VocabularyName": (["a.b_-9"], ["国"]),
    "VocabularyNextToken": ([], [" "]),
    "WorkspaceDescription": (["one", ""], ["a\u0001"]),
    "WorkspaceName": (["one"], [" "]),
    "WorkspaceTitle": (["one", ""], ["a\u0001"]),
    "DataTableDescription": (["one\ntwo\t", "国"], ["a\u0001", "a\u200bb"]),
}

# Values at the bound that exist nowhere, so that the answer is about that. Everything else must be accepted.
REFERENCES = re.compile(
    r"(InstanceId|NextToken|ContactFlowModuleId|AliasId|FlowModuleId|QuickConnectIds|EmailAddressesConfig|UserProficiencies|ListCondition|OutboundFlowId|OutboundEmailAddressId|FlowConfig.ContactFlowId|DataTableId|DataTableAttribute AttributeName|DataTable\w*Values? \S*AttributeNames?)\b|RoutingProfile\w* .*QueueConfigs$")

BOUND = re.compile(
    r"must have (exactly |at least |at most )?\d|must be (exactly |at least |at most )?-?\d|must be [A-Z][A-Z_]+(,| or)|must be a whole number|must match|is required")


def documents():
    """The operations on what is kept as it is sent, whose rules depend on each other: Go's tables have them."""
    lines = (pathlib.Path(__file__).parent.parent / "internal/awsapi/model/operations.txt").read_text().splitlines()
    return {line.split()[0] for line in lines[lines.index("# Flows."):] if line.endswith(" served")}


DOCUMENTS = documents()


def text(n):
    """Characters, none of them of one byte, and not twice the same: many are names."""
    return "".join(chr(random.randrange(0x4E00, 0x9FA5)) for _ in range(n))


def ascii_text(n):
    return ("a" + uuid.uuid4().hex * (n // 32 + 1))[:n]


class Maker:
    """Makes values for shapes: valid ones, and ones at and past each bound."""

    def __init__(self, samples):
        self.samples = samples

    def valid(self, shape, index=0):
        if shape.name in self.samples:
            sample = self.samples[shape.name]
            return sample() if callable(sample) else copy.deepcopy(sample)
        if shape.type_name == "structure" and shape.is_tagged_union:  # the member that ends the recursion, if there is one
            name = next((n for n in ("Question", "Expression") if n in shape.members), next(iter(shape.members)))
            return {name: self.valid(shape.members[name])}
        if shape.type_name == "structure":
            return {n: self.valid(shape.members[n]) for n in shape.required_members}
        if shape.type_name == "list":
            return [self.valid(shape.member, i) for i in range(max(shape.metadata.get("min", 0), 1))]
        if shape.type_name == "map":
            return {self.valid(shape.key, i): self.valid(shape.value) for i in range(max(shape.metadata.get("min", 0), 1))}
        if shape.type_name == "boolean":
            return True
        if shape.type_name in ("integer", "long", "float", "double"):
            return max(shape.metadata.get("min", 0), 1)
        if getattr(shape, "enum", None):
            return shape.enum[index % len(shape.enum)]
        if shape.name in PATTERNS:
            return PATTERNS[shape.name][0][0]
        return f"v{index}"

    def items(self, shape, n):
        if shape.type_name == "map":
            return {f"k{i}": self.valid(shape.value) for i in range(n)}
        return [self.valid(shape.member, i) for i in range(n)]

    def cases(self, shape):
        """Yields (what, value, whether it is within the bounds)."""
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        kind = shape.type_name
        if kind in ("list", "map"):
            if high is not None:
                yield f"{high} items", self.items(shape, high), True
                yield f"{high + 1} items", self.items(shape, high + 1), False
            if low:
                yield f"{low} items", self.items(shape, low), True
                yield f"{low - 1} items", self.items(shape, low - 1), False
        if kind in ("integer", "long", "float", "double"):
            for n in (low, high):
                if n is not None:
                    yield f"{n}", n, True
            if low is not None:
                yield f"{low - 1}", low - 1, False
            if high is not None:
                yield f"{high + 1}", high + 1, False
        if kind != "string":
            return
        make = ascii_text if shape.name in PATTERNS or shape.name in ("InstanceId", "NextToken2500", "SecurityProfilePermission") else text
        if shape.name in PATTERNS:
            good, bad = PATTERNS[shape.name]
            for v in good:
                yield f"fits {v[:20]!r}", v, True
            for v in bad:
                yield f"unfit {v[:20]!r}", v, False
        if shape.name == "DirectoryId":
            make = lambda n: "d-" + "0" * (n - 2)
        if high is not None:
            yield f"{high} characters", make(high), True
            yield f"{high + 1} characters", make(high + 1), False
        if low:
            yield f"{low} characters", make(low), True
            yield f"{low - 1} characters", make(low - 1), False
        for v in shape.enum:
            yield f"{v}", v, True
        if shape.enum:
            yield "no such value", "NO_SUCH_VALUE", False
            yield "lower case", shape.enum[0].lower(), False


def places(shape, path=(), seen=()):
    """Yields (path, shape, required) of every member below a structure; recursive shapes once."""
    if shape.name in seen and shape.type_name == "structure":
        return
    seen = (*seen, shape.name)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield (*path, name), member, name in shape.required_members
            yield from places(member, (*path, name), seen)
    elif shape.type_name == "list":
        yield (*path, 0), shape.member, False
        yield from places(shape.member, (*path, 0), seen)
    elif shape.type_name == "map":
        yield (*path, "key"), shape.key, False
        yield (*path, "value"), shape.value, False


def place(maker, shape, params, path, value):
    """Puts value at path into params, and valid values around it."""
    at, here = params, shape
    for step, after in zip(path, (*path[1:], None)):
        if here.type_name == "map":
            if step == "key":
                at.clear()
                at[value] = maker.valid(here.value)
            else:
                at.clear()
                at["k"] = value
            return
        below = here.members[step] if here.type_name == "structure" else here.member
        if here.type_name == "structure" and here.is_tagged_union:
            for other in at.keys() - {step}:
                del at[other]
        if after is None:
            at[step] = value
            return
        have = at.get(step) if isinstance(at, dict) else (at[step] if len(at) > step else None)
        if have is None:
            have = maker.valid(below)
            if isinstance(at, dict):
                at[step] = have
            else:
                at.insert(step, have)
        if below.type_name == "list" and not have:
            have.append(maker.valid(below.member))
        at, here = have, below


RELAXED = [line.split()[0] for line in (pathlib.Path(__file__).parent.parent / "internal/awsapi/model/relaxed.txt").read_text().splitlines()
           if line and not line.startswith("#")]


def relaxed(shape, path):
    """Whether the member at path may be empty, whatever its bound."""
    for step in path[:-1]:
        shape = shape.member if step == 0 else shape.value if step in ("key", "value") else shape.members[step]
    return shape.type_name == "structure" and path[-1] not in shape.required_members and any(
        fnmatch.fnmatch(f"{shape.name}.{path[-1]}", row) for row in RELAXED)


def shown(path):
    return ".".join("[]" if p == 0 else p for p in path).replace(".[]", "[]")


def last_name(path):
    return [p for p in path if p not in (0, "key", "value")][-1]


def expected(operation):
    declared = [e.name for e in check.MODEL.operation_model(operation).error_shapes]
    return next(c for c in ("InvalidParameterException", "InvalidRequestException") if c in declared)


@pytest.fixture(scope="module")
def requests(lenient):
    """Names that the catalogue does not know are kept by a lenient server, so that bounds stand alone."""
    return operations.Requests(check.client(lenient))


@pytest.fixture(scope="module")
def lenient_wire(lenient):
    return Wire(lenient)


def everything(requests):
    """What a refused call could have touched of the profile, the user and the structure."""
    c = requests.centre
    return c.reads(requests.profile), c.describe_user(UserId=requests.user)["User"], c.describe_user_hierarchy_structure()["HierarchyStructure"]


def inputs():
    for name in operations.named(operations.SERVED):
        shape = check.MODEL.operation_model(name).input_shape
        if shape is not None:
            yield name, shape


def test_table_is_complete(requests):
    """Every served operation has a valid request here, and it is answered."""
    for name in operations.named(operations.SERVED):
        params = requests.params(name)
        getattr(requests.connect, botocore.xform_name(name))(**params)


def test_patterns_are_complete():
    have = {s.name for _, shape in inputs() for _, s, _ in places(shape) if s.metadata.get("pattern")}
    assert have == set(PATTERNS)


@pytest.mark.parametrize("name, shape", list(inputs()), ids=[n for n, _ in inputs()])
def test_bounds(requests, lenient_wire, name, shape):
    maker = Maker(requests.samples(name))
    before = everything(requests) if name.startswith("Update") else None
    wrong = []
    for path, member, required in places(shape):
        where = f"{name} {shown(path)}"
        cases = list(maker.cases(member))
        location = shape.members[path[0]].serialization.get("location")
        if required and location != "uri":
            cases.append(("absent", None, False))
        for what, value, within in cases:
            if location == "uri" and value == "":
                continue  # then the path is another
            params = copy.deepcopy(requests.params(name))
            place(maker, shape, params, path, value)
            if what == "absent":
                remove(params, path)
            answer = lenient_wire.operation(name, params)
            if within or value in ("", [], {}) and relaxed(shape, path):
                refused_for_it = answer.status != 200 and (BOUND.search(answer.message) or not (
                    REFERENCES.search(where) or name in DOCUMENTS and answer.status < 500))
                if refused_for_it and not within_but_refused(name, path, value):
                    wrong.append(f"{where}: {what} is within the bounds: {answer}")
                if answer.status == 200 and name.startswith("Update"):
                    before = everything(requests)
                continue
            if answer.code != expected(name) or last_name(path) not in answer.message:
                wrong.append(f"{where}: {what} should be refused with {expected(name)} naming the member: {answer}")
            if member.metadata.get("sensitive") and isinstance(value, str) and len(value) > 3 and value in answer.message:
                wrong.append(f"{where}: the message shows a sensitive value: {answer}")
            if before and everything(requests) != before:
                wrong.append(f"{where}: {what} was refused, but something changed")
                before = everything(requests)
    assert not wrong, "\n".join(wrong)


def within_but_refused(name, path, value):
    """What the rules refuse although it is within the model's bounds."""
    return (
        # A condition must be complete, and the directory of an instance matches its type.
        (name == "CreateInstance" and value in ("EXISTING_DIRECTORY", ""))
        or (path[-1] == "EntityType" and value == "USER")
        or path[-1] == "EntityArn"
        or (name in ("CreateContactFlowModule", "UpdateContactFlowModuleMetadata") and path[-1] == "Name" and len(value) == 1)  # another has it
        or (name == "UpdateDataTableMetadata" and path[-1] == "Name")  # likewise
        or path[-1] == "FlowModuleContentSha256"  # of content that the module does not have
        or (name == "UpdateContactFlowModuleAlias" and path[-1] == "Name" and len(value) > 100)  # as when it is made
        or name == "DeleteContactFlowModuleVersion"  # the alias names it
        or (path[-1] == "InstanceId" and any(n in name for n in ("FlowModuleAlias", "ContactFlowAlias", "SearchViews")))  # the length says less than the pattern
        # A quick connect has the config of its type alone; the valid one is of a flow.
        or (path[0] == "QuickConnectConfig" and path[1:2] != ("FlowConfig",))
        or (path[-1] == "PhoneType" and value == "DESK_PHONE")
        or (name == "UpdateInstanceAttribute" and path[-1] == "Value")
        or (name == "UpdateUserHierarchyStructure")
        or (path[-1] == "SecurityProfiles" and len(value) > 1)
        or (path[-1] == "ComparisonType" and value == "CONTAINS")
        # Checksums are of content, aliases have rules of their own, and each kind of record has its storage.
        or path[-1] in ("FlowContentSha256", "ViewContentSha256")
        or (name in ("CreateContactFlowAlias", "UpdateContactFlowAlias") and path[-1] in ("AliasName", "Name"))
        or (name.endswith("InstanceStorageConfig") and path[-1] in ("ResourceType", "StorageType"))
        or (name == "CreateIntegrationAssociation" and value == "EVENT")  # which requires a source
        or (name.endswith("Rule") and path[-1] in ("ActionType", "EventSourceName"))  # which require what they are about
        or value == "SINGLE_SELECT"  # which requires options
        or (name == "UpdateViewContent" and value == "PUBLISHED")  # which requires a template
        or path[-1] in ("EmailAddress", "RefId", "S3Uri", "Region")  # whose length says less than their form
        or (path[-1] == "MultipleOf" and value == 0)  # the model's text refuses what its bound lets through
    )


def remove(params, path):
    for step in path[:-1]:
        params = params[step]
    params.pop(path[-1], None)


TYPES = {"string": [1, True, {}, []], "integer": ["1", 1.5, True, 2**40, []], "long": ["1", 1.5, True], "float": ["1", True, []], "double": ["1", True, []], "boolean": ["true", 1, "x"], "timestamp": [True, {}, []],
         "list": [{}, "x", 1], "map": [[], "x", 1], "structure": [[], "x", 1]}


@pytest.mark.parametrize("name, shape", list(inputs()), ids=[n for n, _ in inputs()])
def test_types(requests, lenient_wire, name, shape):
    """A value of another JSON type is refused as malformed, with its place, and changes nothing."""
    maker = Maker(requests.samples(name))
    before = everything(requests) if name.startswith("Update") else None
    model = check.MODEL.operation_model(name)
    declared = [e.name for e in model.error_shapes]
    code = next(c for c in ("InvalidRequestException", "InvalidParameterException") if c in declared)
    wrong = []
    for path, member, _ in places(shape):
        if path[-1] == "key" or shape.members[path[0]].serialization.get("location"):
            continue
        for value in TYPES[member.type_name]:
            def put(body):
                place(maker, shape, body, path, value)
            answer = lenient_wire.operation(name, copy.deepcopy(requests.params(name)), put)
            if answer.code != code or last_name(path) not in answer.message:
                wrong.append(f"{name} {shown(path)}: {json.dumps(value)} for a {member.type_name}: {answer}")
        if before and everything(requests) != before:
            wrong.append(f"{name} {shown(path)}: a refused call changed something")
            before = everything(requests)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name, shape", list(inputs()), ids=[n for n, _ in inputs()])
def test_query_numbers(requests, lenient_wire, name, shape):
    """Numbers in the query must be whole numbers."""
    for member, s in shape.members.items():
        if s.serialization.get("location") != "querystring" or s.type_name != "integer":
            continue
        for value in ("ten", "1.5", "", " 1", "+1", "0x1", "99999999999"):
            answer = lenient_wire.operation(name, requests.params(name) | {member: value})
            assert answer.code == expected(name) and member in answer.message, (member, value, answer)


def test_name_of_127_is_found_again(lenient):
    c = Centre(check.client(lenient))
    name = fresh("n") + "x" * 100
    name += "y" * (127 - len(name))
    id = c.profile(SecurityProfileName=name)
    assert c.describe_security_profile(SecurityProfileId=id)["SecurityProfile"]["SecurityProfileName"] == name
