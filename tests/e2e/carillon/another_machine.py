"""A machine of its own for a process, as far as clocks go: another boot, and clocks that differ."""

import ctypes
import os
import uuid

from .node import build_folder

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWTIME = 0x00020000, 0x10000000, 0x00000080
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def another_boot(folder, seconds):
    """What a child does before it becomes a node: from then on its boot-time and monotonic clocks are so many seconds
    ahead (behind, when negative; not before zero), and its boot has an id of its own."""
    boot_id = folder / "boot_id"
    boot_id.write_text(f"{uuid.uuid4()}\n")
    user, group = os.geteuid(), os.getegid()

    def enter():
        # Who isn't root is, in a namespace of its own.
        _check(_libc.unshare((_CLONE_NEWUSER if user != 0 else 0) | _CLONE_NEWTIME | _CLONE_NEWNS))
        if user != 0:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
        _write("/proc/self/timens_offsets", f"monotonic {seconds} 0\nboottime {seconds} 0\n")
        _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
        _check(_libc.mount(str(boot_id).encode(), _BOOT_ID.encode(), None, _MS_BIND, None))
        clocks = os.open("/proc/self/ns/time_for_children", os.O_RDONLY)
        _check(_libc.setns(clocks, _CLONE_NEWTIME))
        os.close(clocks)

    return enter


def set_clocks(node, seconds):
    """The node's boot-time and wall clocks are so much ahead from its next start on, as on a machine of its own."""
    node.before_start = another_boot(node.folder, seconds)
    node.environment.update({"LD_PRELOAD": str(build_folder() / "libwall_clock.so"),
                             # For a build with AddressSanitizer, which wants to be the first that is loaded.
                             "ASAN_OPTIONS": "verify_asan_link_order=0",
                             "CARILLON_TEST_WALL_CLOCK": str(seconds)})


def _write(path, text):
    with open(path, "w") as file:
        file.write(text)
