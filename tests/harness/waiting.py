"""How long a test waits for a condition before it gives up.

Nothing here is a pause: every wait ends as soon as its condition holds. The bound is generous
because builds with sanitizers on a busy machine are slow.
"""

import os
import time
from collections.abc import Callable

TIMEOUT_S = float(os.environ.get("STARLING_TEST_TIMEOUT", "60"))


def eventually(condition: Callable[[], object]) -> None:
    """For what tells nobody when it comes true: looks again and again."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)
