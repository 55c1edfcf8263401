"""Signs requests with botocore's own signer and sends them byte for byte as a test gives them."""
import contextlib
import datetime
import http.client
import json
import unittest.mock
import urllib.parse

import botocore.auth
import botocore.serialize
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import check
from server import KEY_ID, REGION, SECRET

SERIALIZER = botocore.serialize.create_serializer("rest-json", include_validation=False)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = body
        self.code = self.headers.get("x-amzn-errortype", "")

    @property
    def json(self):
        return json.loads(self.body) if self.body else {}

    @property
    def message(self):
        return self.json.get("Message", "")

    def __repr__(self):
        return f"<{self.status} {self.code} {self.body[:400]!r}>"


class Wire:
    """A connection to a server that is kept between requests."""

    def __init__(self, server, key=KEY_ID, secret=SECRET):
        self.server, self.key, self.secret = server, key, secret
        self.connection = None

    def sign(self, method, path, body=b"", headers=None, region=REGION, service="connect", token=None, skew=0,
             presign=None):
        """Returns the target and the headers of a signed request."""
        request = AWSRequest(method, self.server.url + path, data=body, headers=headers or {})
        credentials = Credentials(self.key, self.secret, token)
        if presign:
            signer = botocore.auth.SigV4QueryAuth(credentials, service, region, expires=presign)
        else:
            signer = botocore.auth.SigV4Auth(credentials, service, region)
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=skew)
        with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=when):
            signer.add_auth(request)
        return request.url.removeprefix(self.server.url), dict(request.headers.items())

    def send(self, method, target, headers, body=b""):
        """Sends a request as it is."""
        for again in (True, False):  # a server may close an idle connection
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            try:
                self.connection.putrequest(method, target, skip_accept_encoding=True)
                for name, v in headers.items():
                    if name.lower() != "host":
                        self.connection.putheader(name, v)
                if "content-length" not in {h.lower() for h in headers}:
                    self.connection.putheader("Content-Length", str(len(body)))
                self.connection.endheaders()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read
                    self.connection.send(body)
                response = self.connection.getresponse()
                answer = Answer(response, response.read())
                if response.will_close:
                    self.close()
                return answer
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if fresh or not again:
                    raise

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, path, body=b"", operation=None, headers=None, **signing):
        """Signs and sends. With operation, the answer is held against the model."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        elif isinstance(body, str):
            body = body.encode()
        headers = {"Content-Type": "application/json"} | (headers or {})
        target, headers = self.sign(method, path, body, headers, **signing)
        answer = self.send(method, target, headers, body)
        if operation:
            check.answer(operation, answer.status, answer.headers, answer.body)
        return answer

    def operation(self, name, params, change=None):
        """Calls an operation with parameters that nobody has checked. change edits the JSON body."""
        model = check.MODEL.operation_model(name)
        made = SERIALIZER.serialize_to_request(params, model)
        path = made["url_path"]
        if made["query_string"]:
            path += "?" + urllib.parse.urlencode(made["query_string"], doseq=True, quote_via=urllib.parse.quote)
        body = made["body"]
        if change:
            decoded = json.loads(body or b"{}")
            body = json.dumps(change(decoded) or decoded).encode()
        return self.call(made["method"], path, body, operation=name)
