"""Realtime voice for Python."""

from __future__ import annotations

from .config import *  # noqa: F403
from .errors import *  # noqa: F403
from .events import *  # noqa: F403
