"""Expecting an exception by its name."""
import pytest
from botocore.exceptions import ClientError


class Refused:
    """The exception that a with block met."""
    code = message = error = None


class refuses:
    """Expects the block to be refused with the exception of that name, and its message to contain words."""

    def __init__(self, code, *words):
        self.code, self.words = code, words

    def __enter__(self):
        self.met = Refused()
        return self.met

    def __exit__(self, kind, error, _):
        if kind is None:
            pytest.fail(f"not refused; expected {self.code}")
        if not isinstance(error, ClientError):
            return False
        self.met.error, self.met.code = error, error.response["Error"]["Code"]
        self.met.message = error.response["Error"]["Message"]
        assert self.met.code == self.code, error
        assert type(error).__name__ in (self.code, "ClientError"), type(error)
        for word in self.words:
            assert word in self.met.message, f"{word!r} is not in {self.met.message!r}"
        return True
