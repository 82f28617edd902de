"""The engine: uniffi's generated module, giving this package's records and exceptions."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from typing import Any, Optional

from . import _decode
from ._native import duologue as _generated

native: Any = _generated
_decode.install(native)
_lib = native._UniffiLib


def _release(self: Any) -> None:
    handle = self.__dict__.pop("_handle", None)
    if handle is not None:
        native._uniffi_rust_call(_FREE[type(self)], handle)


# The generated finalizers leave the handle where it is: who used the object in a finalizer of their own, after
# this one in a cycle, would use freed memory. Now it is an AttributeError.
_FREE = {
    native.Client: _lib.uniffi_duologue_fn_free_client,
    native.EventQueue: _lib.uniffi_duologue_fn_free_eventqueue,
    native.MockService: _lib.uniffi_duologue_fn_free_mockservice,
}
for _class in _FREE:
    _class.__del__ = _release

_check = native._uniffi_check_call_status
_Status = native._UniffiRustCallStatus
_errors = native._UniffiFfiConverterTypeDuologueError

# What follows are the generated calls without their detours, for what happens all the time: pushing audio, fifty
# times a second, and taking events.


class _Bytes(ctypes.Structure):
    """A borrowed slice. Unlike the generated one it takes `bytes` without a cast."""

    _fields_ = (("len", ctypes.c_int32), ("data", ctypes.c_char_p))


class _Buffer(ctypes.Structure):
    """What the engine gives. Unlike in the generated one the address is a number."""

    _fields_ = (("capacity", ctypes.c_uint64), ("len", ctypes.c_uint64), ("data", ctypes.c_void_p))


def _function(name: str, result: Any, *arguments: Any) -> Any:
    # By index: a function object of its own, so that the generated one keeps its types.
    function = _lib[name]
    function.argtypes, function.restype = (*arguments, ctypes.c_void_p), result
    return function


_method = "uniffi_duologue_fn_method_"
_clone_client = _function("uniffi_duologue_fn_clone_client", ctypes.c_uint64, ctypes.c_uint64)
_clone_queue = _function("uniffi_duologue_fn_clone_eventqueue", ctypes.c_uint64, ctypes.c_uint64)
_push = _function(_method + "client_push_audio", ctypes.c_uint32, ctypes.c_uint64, _Bytes)
_take = _function(_method + "eventqueue_take", _Buffer, ctypes.c_uint64, ctypes.c_uint32)
_free = _function("ffi_duologue_rustbuffer_free", None, _Buffer)
# For calls that cannot fail: the engine writes only failures into it. Addresses, because as numbers they are passed
# fastest.
_spare = _Status()
_fine = ctypes.addressof(_spare)
_address = ctypes.addressof


def push_audio(client: Any, pcm: bytes) -> int:
    """Hands over microphone audio."""
    status = _Status()
    handle = _clone_client(client._handle, _fine)
    frames: int = _push(handle, _Bytes(len(pcm), pcm), _address(status))
    if status.code:
        _check(_errors, status)
    return frames


def take(queue: Any, limit: int) -> list[Any]:
    """The events that are there now."""
    status = _Status()
    buffer = _take(_clone_queue(queue._handle, _fine), limit, _address(status))
    if status.code:
        _check(_errors, status)
    # An empty list is its length and no more.
    data = ctypes.string_at(buffer.data, buffer.len) if buffer.len > 4 else b""
    _free(buffer, _fine)
    return _decode.events(data) if data else []


def wakeup_fd(queue: Any) -> int:
    """The descriptor of a queue, asked for once: it stays the same."""
    fd: Optional[int] = queue.__dict__.get("fd")
    if fd is None:
        fd = queue.fd = queue.wakeup_fd()
    return fd


_listeners = native._UniffiFfiConverterTypeEventListener._handle_map
_threads = threading.local()
# The threads that are in a listener.
_inside: set[int] = set()


def in_listener() -> bool:
    """This thread is one of the engine's, and calls a listener."""
    return threading.get_ident() in _inside


def _on_event(listener: int, buffer: Any, _result: int, status: int) -> None:
    thread = threading.get_ident()
    try:
        if not hasattr(_threads, "kept"):
            # Python would make itself a new idea of the engine's thread for every event.
            _threads.kept = ctypes.pythonapi.PyGILState_Ensure()
        _inside.add(thread)
        data = ctypes.string_at(buffer.data, buffer.len)
        _free(buffer, _fine)
        _listeners.get(listener).on_event(_decode.event(_decode.Reader(data)))
    except BaseException as error:
        _failed(error if isinstance(error, Exception) else RuntimeError(repr(type(error))), status)
    finally:
        _inside.discard(thread)


def _failed(error: Exception, status: int) -> None:
    def fail() -> None:
        raise error

    native._uniffi_trait_interface_call_with_error(
        _Status.from_address(status),
        fail,
        None,
        native.HostError,
        native._UniffiFfiConverterTypeHostError.lower,
    )


_vtable = native._UniffiTraitImplEventListenerImpl._uniffi_vtable
_callback = ctypes.CFUNCTYPE(None, ctypes.c_uint64, _Buffer, ctypes.c_void_p, ctypes.c_void_p)(_on_event)
_vtable.on_event = ctypes.cast(_callback, type(_vtable.on_event))


def _end() -> None:
    """The interpreter ends: a call that found it ending would take the process with it."""
    if native.end_calls(1000):
        return
    # A listener still runs. What runs Python is stopped as Control-C stops a program; what waits in a call of the
    # system stays there until the process is gone.
    for thread in list(_inside):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))
    native.end_calls(1000)


# What is registered later runs first: by then the clients were released.
atexit.register(_end)

forked = False


def _after_fork() -> None:
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    # The engine's threads are not in the child.
    os.register_at_fork(after_in_child=_after_fork)
