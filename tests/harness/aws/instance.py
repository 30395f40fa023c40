"""One EC2 instance: what its metadata and DescribeInstances say of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone

ACCOUNT = "123456789012"
REGION = "eu-test-1"  # of AWS's form, and not one of AWS's
ROLE = "starling-node"


def new_instance_id() -> str:
    return f"i-0{secrets.token_hex(8)}"


@dataclass(eq=False)
class Instance:
    """Whoever changes a field changes what its metadata says from then on."""

    id: str = field(default_factory=new_instance_id)
    availability_zone: str = f"{REGION}a"
    local_ipv4: str = "127.0.0.1"
    role: str | None = ROLE  # None: without an instance profile
    tags: dict[str, str] = field(default_factory=dict)
    state: str = "running"  # EC2's: pending, running, stopping, stopped, shutting-down, terminated
    target_lifecycle_state: str | None = None  # None: 404
    spot_action: tuple[str, datetime] | None = None  # terminate, stop or hibernate, and when
    rebalance_notice: datetime | None = None
    launched: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def region(self) -> str:
        return self.availability_zone.rstrip("abcdef")
