"""Runs a program under the unit's system call filter, limits and (lack of) capabilities.

    python3 -m deploy.confined PROGRAM [ARGUMENT...]

A stricter judge than systemd: the first call that the unit does not allow kills the process with
SIGSYS, where the service would get EPERM. If root runs it, the program sees itself as another user,
as in the service: SQLite and others make more calls for root. What needs more namespaces
(ProtectSystem=, PrivateDevices= and the like) is not done here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import sys
from pathlib import Path

from deploy.unit import allowed_calls, directives

_KILL, _ALLOW = 0x80000000, 0x7FFF0000  # SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW
_NO_SUCH_FAMILY = 0x00050000 | errno.EAFNOSUPPORT  # SCMP_ACT_ERRNO
_EQUAL, _GREATER, _MASKED_EQUAL = 4, 6, 7  # enum scmp_compare
_PROT_WRITE, _PROT_EXEC = 2, 4
_PR_CAPBSET_DROP, _LAST_CAP = 24, 63
_CLONE_NEWUSER, _SOMEBODY = 0x10000000, 1000


class _Condition(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


class _Filter:
    def __init__(self, default: int) -> None:
        self._lib = ctypes.CDLL("libseccomp.so.2")
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._lib.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *conditions: _Condition) -> None:
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture
        array = (_Condition * len(conditions))(*conditions)
        code = self._lib.seccomp_rule_add_array(self._context, ctypes.c_uint32(action), number,
                                                len(conditions), array)
        if code != 0:
            raise OSError(-code, f"{call}: {os.strerror(-code)}")

    def load(self) -> None:
        code = self._lib.seccomp_load(self._context)  # sets no_new_privs as well
        if code != 0:
            raise OSError(-code, f"seccomp_load: {os.strerror(-code)}")


def _limit_arguments() -> None:
    """MemoryDenyWriteExecute=, RestrictAddressFamilies=, RestrictNamespaces=."""
    said, more = directives(), _Filter(_ALLOW)
    assert said["MemoryDenyWriteExecute"] == ["yes"]
    assert said["RestrictNamespaces"] == ["yes"]
    both = _PROT_WRITE | _PROT_EXEC
    more.add(_KILL, "mmap", _Condition(2, _MASKED_EQUAL, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        more.add(_KILL, call, _Condition(2, _MASKED_EQUAL, _PROT_EXEC, _PROT_EXEC))
    families = sorted(getattr(socket, name) for name in said["RestrictAddressFamilies"][0].split())
    # As systemd does. (nats-server asks for AF_NETLINK, and can do without.)
    more.add(_NO_SUCH_FAMILY, "socket", _Condition(0, _GREATER, families[-1], 0))
    for family in range(families[-1]):
        if family not in families:
            more.add(_NO_SUCH_FAMILY, "socket", _Condition(0, _EQUAL, family, 0))
    for call in ("unshare", "setns"):
        more.add(_KILL, call)
    more.load()


def _become_somebody(libc: ctypes.CDLL) -> None:
    """No longer root in its own eyes, while root's files are still its own: a user namespace."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError("no user namespace can be made here")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_SOMEBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{_SOMEBODY} {gid} 1")


def main() -> None:
    said = directives()
    libc = ctypes.CDLL(None)
    if os.getuid() == 0:
        _become_somebody(libc)
    files, cores = int(said["LimitNOFILE"][0]), int(said["LimitCORE"][0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = files if hard == resource.RLIM_INFINITY else min(files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (cores, cores))
    assert said["CapabilityBoundingSet"] == [""]
    for capability in range(_LAST_CAP + 1):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    allowed = allowed_calls()
    _limit_arguments()
    filter_ = _Filter(_KILL)
    for call in sorted(allowed):
        filter_.add(_ALLOW, call)
    filter_.load()
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
