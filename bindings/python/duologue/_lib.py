"""The engine: uniffi's generated module, giving this package's records and exceptions."""

from __future__ import annotations

import ctypes
from typing import Any

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


class _Bytes(ctypes.Structure):
    """A borrowed slice. Unlike the generated one it takes `bytes` without a cast."""

    _fields_ = (("len", ctypes.c_int32), ("data", ctypes.c_char_p))


def _function(name: str, result: Any, *arguments: Any) -> Any:
    # By index: a function object of its own, so that the generated one keeps its types.
    function = _lib[name]
    function.argtypes, function.restype = (*arguments, ctypes.POINTER(_Status)), result
    return function


_clone = _function("uniffi_duologue_fn_clone_client", ctypes.c_uint64, ctypes.c_uint64)
_push = _function("uniffi_duologue_fn_method_client_push_audio", ctypes.c_uint32, ctypes.c_uint64, _Bytes)


def push_audio(client: Any, pcm: bytes) -> int:
    """The generated `push_audio` without its detours: it is called fifty times a second."""
    status = _Status()
    handle = _clone(client._handle, ctypes.byref(status))
    frames: int = _push(handle, _Bytes(len(pcm), pcm), ctypes.byref(status))
    if status.code:
        _check(_errors, status)
    return frames
