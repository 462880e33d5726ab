"""One `carillon playground` process: started on a free port in a folder of its own, read line by line, ended."""

import contextlib
import os
import pathlib
import queue
import re
import shlex
import signal
import subprocess
import threading
import time

import requests

from .node import die_with_parent, executable

# "  10:31:07.352  phone-book       person update      30 records       9 ms -> 200 (signed)"
# "  10:31:21.115  importer         Contact.Update       40 items    2008 ms -> 200 (signed, chunk_delay 2)"
ARRIVAL = re.compile(r"^  \d\d:\d\d:\d\d\.\d{3}  (\S+) +(\w+ \w+|\w+\.\w+) +(\d+) (?:record|item)s? +(\d+) ms"
                     r" -> (\S+|hung up) \((.*)\)$")
# Where the demo's account has its webhooks in Pipeliner's API.
WEBHOOKS = "/api/v100/rest/spaces/demo/entities/Webhooks"


def arrivals(lines):
    """(subscription, event, how many, milliseconds, answer, note) of each line that tells of an arrival."""
    return [m.groups() for m in map(ARRIVAL.match, lines) if m]


@contextlib.contextmanager
def playgrounds(folder):
    """Starts as many playgrounds in one folder as are asked for; none is left at the end."""
    started = []

    def make(*arguments, **more):
        started.append(Playground(folder, *arguments, **more))
        return started[-1]

    try:
        yield make
    finally:
        for one in started:
            one.close()


def clean_environment(**more):
    """The test's environment without anything that a node takes for its own settings."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("CARILLON_")}, **more}


class Playground:
    def __init__(self, folder, *arguments, listen="127.0.0.1:0", environment=None):
        self.folder = pathlib.Path(folder)
        self.store = self.folder / "var" / "playground"
        self.lines = []
        self.stderr_path = self.folder / "stderr.log"
        with open(self.stderr_path, "wb") as log:
            self.process = subprocess.Popen(
                [executable(), "playground", f"--http.listen={listen}", *arguments],
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                env=clean_environment(**(environment or {})), preexec_fn=die_with_parent, text=True)
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def wait_line(self, text, seconds=90):
        """The first further line with `text` in it; fails when the program ends or time passes without one."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {text!r}:\n" + "\n".join(self.lines[-40:]) + self.stderr()
            self.lines.append(line)
            if text in line:
                return line

    def wait_arrival(self, who, seconds=90):
        """The first arrival for that subscription, printed already or yet to come."""
        while not (found := [one for one in arrivals(self.lines) if one[0] == who]):
            self.wait_line(f"  {who} ", seconds)
        return found[0]

    def rest(self, seconds=120):
        """Waits for the program's own end: the exit code. All lines are in `lines` then."""
        code = self.process.wait(seconds)
        while (line := self._queue.get(timeout=30)) is not None:
            self.lines.append(line)
        return code

    def environment(self):
        """What `. var/playground/env` sets."""
        values = {}
        for line in (self.store / "env").read_text().splitlines():
            if line.startswith("export "):
                name, _, value = line[len("export "):].partition("=")
                values[name] = shlex.split(value)[0]
        return values

    def webhooks(self):
        """Pipeliner's subscriptions as their owner sees them, by the last part of their URL."""
        values = self.environment()
        answer = requests.get(values["CARILLON"] + WEBHOOKS, timeout=30,
                              auth=(values["ACCOUNT_KEY_ID"], values["ACCOUNT_KEY"]))
        assert answer.status_code == 200, answer.text
        return {webhook["url"].rsplit("/", 1)[1]: webhook for webhook in answer.json()["data"]}

    def stop(self, how=signal.SIGTERM, seconds=60):
        self.process.send_signal(how)
        return self.rest(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
