"""Realtime voice for Python."""

from __future__ import annotations

from . import config, errors, events
from .config import *  # noqa: F403
from .errors import *  # noqa: F403
from .events import *  # noqa: F403
from .tools import Tool, ToolContext, tool

__all__ = ["Tool", "ToolContext", "tool"]
__all__ += config.__all__
__all__ += errors.__all__
__all__ += events.__all__
