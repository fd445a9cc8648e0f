"""A lab with MLflow's own web UI, filled by the real client, and a browser that watches for errors."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from conftest_lab import Lab  # noqa: E402
