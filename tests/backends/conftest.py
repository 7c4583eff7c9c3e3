"""Lets the backends' Triton parts be imported outside Triton."""

import sys

from tests.backends import fake_pb_utils

sys.modules.setdefault("triton_python_backend_utils", fake_pb_utils)
