"""What the figures were made on."""

from __future__ import annotations

import os
import platform
import re


def description() -> str:
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, {gib:.0f} GiB, "
            f"Linux {platform.release().split('-')[0]}")
