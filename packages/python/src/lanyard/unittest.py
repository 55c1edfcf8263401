"""Test cases for unittest::

    class TestProfiles(lanyard.unittest.TestCase):
        def test_create(self):
            self.connect.create_security_profile(InstanceId=self.instance_id, SecurityProfileName="Night shift")
            self.assertDenied("ann", "Users.Edit")
"""

from __future__ import annotations

import atexit
import sys
import unittest
from contextlib import ExitStack
from typing import Any, ClassVar

from ._decisions import Decision, Resource
from ._server import Server, use

__all__ = ["TestCase"]

_server: Server | None = None


def _get_server() -> Server:
    """The server of the process, which starts with the first test that uses it."""
    global _server
    if _server is None:
        _server = Server().start()
        atexit.register(_server.stop)
    return _server


class TestCase(unittest.TestCase):
    """A test case with a server that is reset for each test."""

    lanyard_seeds: ClassVar[tuple[str, ...]] = ()
    """CloudFormation templates that make the instance."""

    lanyard: Server
    connect: Any
    instance_id: str

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        with ExitStack() as stack:
            try:
                self._prepare(stack)
            except Exception:
                return self._fail(result or self.defaultTestResult())
            return super().run(result)

    def _prepare(self, stack: ExitStack) -> None:
        self.lanyard = _get_server()
        self.lanyard.reset(*self.lanyard_seeds)
        stack.enter_context(use(self.lanyard))
        stack.enter_context(self.lanyard.redirected())
        self.connect, self.instance_id = self.lanyard.client(), self.lanyard.instance_id

    def _fail(self, result: unittest.TestResult) -> unittest.TestResult:
        """Reports that there is no server to test with."""
        result.startTest(self)
        result.addError(self, sys.exc_info())
        result.stopTest(self)
        return result

    def assertAllowed(self, subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
        """Fails as lanyard.assert_allowed()."""
        return self.lanyard.assert_allowed(subject, permission, resource, **question)

    def assertDenied(self, subject: str, permission: str, resource: Resource | None = None, **question: Any) -> Decision:
        """Fails as lanyard.assert_denied()."""
        return self.lanyard.assert_denied(subject, permission, resource, **question)
