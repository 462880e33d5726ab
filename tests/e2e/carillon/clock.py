"""Clocks and waiting: conditions with deadlines, never fixed times."""

import time


def boot_ns():
    """Nanoseconds since this boot of the machine, counting sleep: the clock of Carillon's windows."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wait_for(condition, seconds, what, pause=0.02):
    """The first truthy value of `condition()`; fails the test, naming `what`, when none came in time.

    `what` may be a function that describes the state at the end."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            described = what() if callable(what) else what
            raise AssertionError(f"after {seconds} s still no: {described}")
        time.sleep(pause)


def steadily(condition, seconds, what, pause=0.02):
    """Checks that `condition()` holds all the time for so long: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what() if callable(what) else what
        time.sleep(pause)
