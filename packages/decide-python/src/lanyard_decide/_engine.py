"""The decision engine: the WebAssembly module, and questions as it reads them.

It is the server's own engine; nothing is decided here.
"""

from __future__ import annotations

import ctypes
import json
import threading
from importlib import resources
from typing import Any, Callable, Mapping, Optional

import wasmtime

_IS_NEW = 1
_HAS_TAGS = 2
_HAS_ATTRIBUTES = 4
_IS_REPORTS = 8

_MAX_QUESTION = 256 * 1024
_SURFACES = {None: 0, "admin": 0, "reports": _IS_REPORTS}


class EngineError(RuntimeError):
    """The module failed. It decides nothing any more."""


_compiling = threading.Lock()
_starting = threading.Lock()
_compiled: Optional[tuple[wasmtime.Engine, wasmtime.Module]] = None


def _module() -> tuple[wasmtime.Engine, wasmtime.Module]:
    """Returns the module, compiled once for each process, and for each machine if it can be kept."""
    global _compiled
    with _compiling:
        if _compiled is None:
            wasm = resources.files(__package__).joinpath("lanyard.wasm").read_bytes()
            try:
                config = wasmtime.Config()
                config.cache = True
                engine = wasmtime.Engine(config)
            except wasmtime.WasmtimeError:  # as without a home that can be written to
                engine = wasmtime.Engine()
            _compiled = engine, wasmtime.Module(engine, wasm)
        return _compiled


class Engine:
    """An instance of the module. Whoever uses it must hold its lock."""

    _running: Optional["Engine"] = None

    @classmethod
    def shared(cls) -> "Engine":
        """Returns the engine that all that decide share, or another when that has failed."""
        with _starting:
            if cls._running is None or cls._running.failed:
                cls._running = cls()
            return cls._running

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def __init__(self) -> None:
        engine, module = _module()
        self.lock = threading.RLock()
        self._failure: Optional[EngineError] = None
        self._store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.inherit_stderr()
        self._store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        memory = self._exports["memory"]
        if not isinstance(memory, wasmtime.Memory):
            raise EngineError("the module is not that of the decision engine")
        self._memory = memory
        self._run("_initialize")
        self._input = 0
        self._room = 0
        self._decide: Callable[[int, int, float], int] = _fast(self._store, self._exports["lanyard_decide"])
        self._run("lanyard_reasons")
        self.codes: list[tuple[str, str]] = [(c["reason"], c["why"]) for c in json.loads(self._output())]

    def _run(self, name: str, *arguments: Any) -> Any:
        function: Any = self._exports[name]
        return function(self._store, *arguments)

    def _output(self) -> bytes:
        begin = self._run("lanyard_output")
        return bytes(self._memory.read(self._store, begin, begin + self._run("lanyard_length")))

    def load(self, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Holds a snapshot; the number is for decide and explain."""
        text = json.dumps(request).encode()
        with self._guard():
            begin = self._run("lanyard_buffer", len(text))
            self._room = 0  # the module takes another buffer, for the snapshot and then again for questions
            if begin == 0:
                raise ValueError("the subject snapshot is too large")
            self._memory.write(self._store, text, begin)
            handle = self._run("lanyard_load", len(text))
            return handle, json.loads(self._output())

    def free(self, handle: int) -> None:
        """Drops a snapshot."""
        with self._guard():
            self._run("lanyard_free", handle)

    def decide(self, handle: int, question: bytes, now: float) -> int:
        """Decides; the number is described at subject.Host in the source of lanyard."""
        if self._failure is not None:
            raise self._failure
        try:
            self._write(question)
            code = self._decide(handle, len(question), now)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise self._fail(error) from error
        if code < 0:
            raise ValueError("the question cannot be read")
        return code

    def explain(self, handle: int, question: bytes, now: float) -> dict[str, Any]:
        """Explains."""
        with self._guard():
            self._write(question)
            if self._run("lanyard_explain", handle, len(question), now) == 0:
                raise ValueError("the question cannot be read")
            explained: dict[str, Any] = json.loads(self._output())
            return explained

    def _write(self, question: bytes) -> None:
        size = len(question)
        if size > self._room:
            self._room = max(8192, 2 * size)
            self._input = self._run("lanyard_buffer", self._room)
        # The memory may be elsewhere after it has grown.
        base = ctypes.cast(self._memory.data_ptr(self._store), ctypes.c_void_p).value or 0
        ctypes.memmove(base + self._input, question, size)

    def _guard(self) -> "_Guard":
        if self._failure is not None:
            raise self._failure
        return _Guard(self)

    def _fail(self, error: BaseException) -> EngineError:
        self._failure = EngineError(f"the decision engine failed: {error}")
        return self._failure


class _Guard:
    """Has a trap of the module make it unusable: what it holds may be half changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, (wasmtime.Trap, wasmtime.WasmtimeError)):
            raise self._engine._fail(error) from error


def _fast(store: wasmtime.Store, function: Any) -> Any:
    """Returns lanyard_decide as a function of handle, size and time.

    wasmtime looks the types of a function up again in each call, which takes ten times as long as a decision. What does
    without is not in its public interface: if it is missing, or not what it was, the public one is used.
    """
    try:
        from wasmtime import _bindings

        call = _bindings.wasmtime_func_call_unchecked
        values = (_bindings.wasmtime_val_raw_t * 3)()
        trap = ctypes.POINTER(_bindings.wasm_trap_t)()
        context, target, trapped = store._context(), ctypes.byref(function._func), ctypes.byref(trap)
        first, second, third = values[0], values[1], values[2]

        def fast(handle: int, size: int, now: float) -> int:
            first.i32 = handle
            second.i32 = size
            third.f64 = now
            error = call(context, target, values, 3, trapped)
            if error or trap:
                raise wasmtime.WasmtimeError("the module trapped")
            return int(first.i32)

        if fast(0, 0, 0.0) == function(store, 0, 0, 0.0) == -1:
            return fast
    except Exception:  # whatever is another than it was
        pass
    return lambda handle, size, now: function(store, handle, size, now)


def encode(
    action: str,
    resource: Optional[Mapping[str, Any]],
    surface: Optional[str],
) -> bytes:
    """Returns a question as the module reads it."""
    r: Mapping[str, Any] = resource or {}
    tags, attributes, group = r.get("tags"), r.get("attributes"), r.get("group")
    if isinstance(group, (list, tuple)):
        group = "/".join(group)
    if surface not in _SURFACES:
        raise ValueError(f"surface must be admin or reports, got {surface!r}")
    flags = _SURFACES[surface]
    if r.get("new"):
        flags |= _IS_NEW
    if tags is not None:
        flags |= _HAS_TAGS
    if attributes is not None:
        flags |= _HAS_ATTRIBUTES
    parts = bytearray((flags,))
    for member, value in (
        ("action", action),
        ("type", r.get("type")),
        ("id", r.get("id")),
        ("group", group),
        ("channel", r.get("channel")),
    ):
        if value is None and member != "action":
            parts.append(0)
            continue
        _text(parts, member, value)
    for member, pairs in (("tags", tags), ("attributes", attributes)):
        if pairs is not None:
            parts += _number(len(pairs))
            for key, value in pairs.items():
                _text(parts, member, key)
                _text(parts, member, value)
    if len(parts) > _MAX_QUESTION:
        raise ValueError(f"a question must be at most {_MAX_QUESTION} bytes")
    return bytes(parts)


def _text(parts: bytearray, member: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{member} must be a str, got {value!r}")
    encoded = value.encode()
    if len(encoded) < 128:
        parts.append(len(encoded))
    else:
        parts += _number(len(encoded))
    parts += encoded


def _number(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)
