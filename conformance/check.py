"""Checks every answer against the output shapes and the declared exceptions of botocore's service model."""
import json
import re
import uuid

import boto3
import botocore.session
from botocore.config import Config

from server import KEY_ID, REGION, SECRET

MODEL = botocore.session.get_session().get_service_model("connect")

# Exceptions that any operation may answer, declared or not, with their statuses.
COMMON = {
    "ThrottlingException": 429, "InternalServiceException": 500, "AccessDeniedException": 403,
    "MissingAuthenticationTokenException": 403, "IncompleteSignatureException": 403,
    "UnrecognizedClientException": 403, "InvalidSignatureException": 403,
    "UnsupportedOperationException": 501,
    "BadRequestException": 400,  # observed for the ARN of an agent queue
}


class Violation(AssertionError):
    """An answer that the model does not allow."""


class Number(str):
    """A number as it was sent on the wire."""


def parse(text):
    """Reads JSON strictly: UTF-8, no repeated members, numbers as they were written."""
    def members(pairs):
        keys = [k for k, _ in pairs]
        if len(keys) != len(set(keys)):
            raise Violation(f"repeated member in {keys}")
        return dict(pairs)
    return json.loads(text.decode("utf-8", "strict"), object_pairs_hook=members, parse_int=Number, parse_float=Number,
                      parse_constant=Number)


def answer(operation, status, headers, body):
    """Checks one answer. headers is a mapping of lower-case names."""
    where = f"{operation} ({status})"
    try:
        uuid.UUID(headers.get("x-amzn-requestid", ""))
    except ValueError:
        raise Violation(f"{where}: no x-amzn-RequestId") from None
    if status == 200:
        return output(operation, body, headers)
    return error(operation, status, headers, body)


def output(operation, body, headers):
    shape = MODEL.operation_model(operation).output_shape
    if shape is None or not body:
        if body not in (b"", b"{}") or (shape is not None and shape.required_members):
            raise Violation(f"{operation}: unexpected body {body[:200]!r}")
        return
    if headers.get("content-type") != "application/json":
        raise Violation(f"{operation}: Content-Type {headers.get('content-type')}")
    value(shape, parse(body), operation)


def error(operation, status, headers, body):
    code = headers.get("x-amzn-errortype", "")
    declared = {e.name: e for e in MODEL.operation_model(operation).error_shapes}
    members = parse(body)
    if code in declared:
        want = declared[code].metadata["error"]["httpStatusCode"]
        besides = {"__type"} | {"Message"} - declared[code].members.keys()  # SDKs show the Message of every exception
        value(declared[code], {k: v for k, v in members.items() if k not in besides}, f"{operation} {code}")
    elif code in COMMON:
        want = COMMON[code]
    else:
        raise Violation(f"{operation} does not declare {code!r}: {body[:300]!r}")
    if status != want:
        raise Violation(f"{operation}: {code} with status {status}, the model has {want}")
    if not isinstance(members.get("Message"), str) or not members["Message"]:
        raise Violation(f"{operation}: {code} without Message: {body[:300]!r}")


def value(shape, v, path):
    """Checks a decoded value against a shape: types, names, required members, enums and bounds."""
    kind = shape.type_name
    if kind == "structure":
        want(isinstance(v, dict) and not isinstance(v, str), path, "an object", v)
        names = {m.serialization.get("name", n): m for n, m in shape.members.items()}
        for name in shape.required_members:
            if shape.members[name].serialization.get("name", name) not in v:
                raise Violation(f"{path}.{name}: is required")
        for name, member in v.items():
            if name not in names:
                raise Violation(f"{path}.{name}: the model has no such member")
            value(names[name], member, f"{path}.{name}")
    elif kind == "list":
        want(isinstance(v, list), path, "a list", v)
        bounds(shape, len(v), path)
        for i, item in enumerate(v):
            value(shape.member, item, f"{path}[{i}]")
    elif kind == "map":
        want(isinstance(v, dict), path, "a map", v)
        if v:  # resources without tags answer an empty map, although the model requires one entry
            bounds(shape, len(v), path)
        for key, item in v.items():
            value(shape.key, key, f"{path} key {key!r}")
            value(shape.value, item, f"{path}[{key!r}]")
    elif kind in ("integer", "long"):
        want(isinstance(v, Number) and re.fullmatch(r"-?\d+", v), path, "a whole number", v)
        bounds(shape, int(v), path)
    elif kind == "timestamp":
        want(isinstance(v, Number) and re.fullmatch(r"\d{10}(\.\d{1,3})?", v), path, "epoch seconds", v)
    elif kind in ("float", "double"):
        want(isinstance(v, Number), path, "a number", v)
    elif kind == "boolean":
        want(isinstance(v, bool), path, "a boolean", v)
    elif kind == "string":
        want(isinstance(v, str) and not isinstance(v, Number), path, "a string", v)
        if shape.enum and v not in shape.enum:
            raise Violation(f"{path}: {v!r} is not in {shape.enum}")
        bounds(shape, len(v), path)
    else:
        raise Violation(f"{path}: nothing is known about the type {kind}")


def want(ok, path, what, v):
    if not ok:
        raise Violation(f"{path}: expected {what}, got {v!r}")


def bounds(shape, n, path):
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if n < low or (high is not None and n > high):
        raise Violation(f"{path}: {n} is out of the bounds {low} to {high}")


def watch(client):
    """Checks every answer that a boto3 client gets, before anything parses it."""
    def received(operation_model, response_dict, **_):
        headers = {k.lower(): v for k, v in response_dict["headers"].items()}
        answer(operation_model.name, response_dict["status_code"], headers, response_dict["body"])
    client.meta.events.register("before-parse.connect", received)
    return client


def client(server, key=KEY_ID, secret=SECRET, **config):
    """A boto3 client without retries whose answers are all checked against the model."""
    return watch(boto3.client(
        "connect", endpoint_url=server.url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=32, **config)))
