"""The keys that the double gives out: when they change, and when they are refused."""

from __future__ import annotations

from datetime import timedelta

from harness.aws.clock import SteppedClock
from harness.aws.credentials import Credentials


def test_an_instance_gets_another_key_before_the_old_one_expires() -> None:
    clock = SteppedClock()
    credentials = Credentials(clock.utc, lifetime_s=3600)
    first = credentials.current("i-1")
    clock.advance(1799)
    assert credentials.current("i-1") == first
    clock.advance(1)
    second = credentials.current("i-1")
    assert second.id != first.id
    assert not credentials.is_expired(first)
    clock.advance(1800)
    assert credentials.is_expired(first)
    assert not credentials.is_expired(second)


def test_everybody_has_keys_of_his_own() -> None:
    credentials = Credentials(SteppedClock().utc)
    assert credentials.current("i-1") != credentials.current("i-2")


def test_keys_can_be_expired_though_they_say_otherwise() -> None:
    clock = SteppedClock()
    credentials = Credentials(clock.utc, lifetime_s=3600)
    mine, others = credentials.current("i-1"), credentials.current("i-2")
    credentials.expire("i-1")
    assert credentials.is_expired(mine)
    assert mine.expiration == clock.utc() + timedelta(hours=1)
    assert not credentials.is_expired(others)
    assert credentials.current("i-1") != mine


def test_frozen_credentials_are_never_renewed() -> None:
    clock = SteppedClock()
    credentials = Credentials(clock.utc, lifetime_s=3600)
    first = credentials.current("i-1")
    credentials.frozen = True
    clock.advance(7200)
    assert credentials.current("i-1") == first
    assert credentials.is_expired(first)
