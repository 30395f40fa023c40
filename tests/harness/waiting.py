"""How long a test waits for a condition before it gives up.

Nothing here is a pause: every wait ends as soon as its condition holds. The bound is generous
because builds with sanitizers on a busy machine are slow.
"""

import os

TIMEOUT_S = float(os.environ.get("STARLING_TEST_TIMEOUT", "60"))
