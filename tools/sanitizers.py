"""What programs built with sanitizers are told through the environment."""

import os
import pathlib

_OPTIONS = {
    "ASAN": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN": "print_stacktrace=1",
    "TSAN": "second_deadlock_stack=1",
}
# Debian's is not on PATH under the name that the sanitizers look for.
_SYMBOLIZER = pathlib.Path("/usr/lib/llvm-19/bin/llvm-symbolizer")


def environment():
    """The process's own environment with that added; what the caller has set wins."""
    env = dict(os.environ)
    for name, options in _OPTIONS.items():
        env[f"{name}_OPTIONS"] = ":".join(filter(None, [options, env.get(f"{name}_OPTIONS")]))
        if _SYMBOLIZER.exists():
            env.setdefault(f"{name}_SYMBOLIZER_PATH", str(_SYMBOLIZER))
    return env
