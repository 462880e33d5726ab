"""One `carillon serve` process on a store of its own: started, asked, stopped, killed, started again."""

import base64
import ctypes
import os
import pathlib
import queue
import secrets
import signal
import subprocess
import threading

from .api import Api
from .clock import wait_for

ADMIN_TOKEN = "cat_admin_for_tests_0123456789abcdef0123456789"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def build_folder():
    return pathlib.Path(os.environ["CARILLON_BUILD"])


def executable(name="carillon"):
    return str(build_folder() / name)


def die_with_parent():
    """A test run that is killed leaves no node behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def write_master_keys(path, *names):
    path.write_text("".join(f"{n}:{base64.b64encode(secrets.token_bytes(32)).decode()}\n" for n in names))
    path.chmod(0o600)


def flags_of(settings):
    """{"http.listen": "…"} as flags. A list stays a list of the configuration's syntax."""
    flags = []
    for key, value in settings.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, (list, tuple)):
            value = "[" + ", ".join(f'"{item}"' if isinstance(item, str) else str(item) for item in value) + "]"
        if value is not None:
            flags.append(f"--{key}={value}")
    return flags


class Node:
    """`settings` are keys of the configuration and override what all nodes of the tests have."""

    def __init__(self, folder, authority, settings=None, environment=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "store"
        self.keys = folder / "master.keys"
        if not self.keys.exists():
            write_master_keys(self.keys, "first")
        self.settings = {
            "http.listen": "127.0.0.1:0",
            "storage.directory": str(self.store),
            "storage.map-size": "1GiB",
            "auth.master-key-file": str(self.keys),
            "egress.allow": ["127.0.0.1/32"],
            "egress.ports": [],
            "egress.ca-file": str(authority.path) if authority else None,
            "log.format": "text",
            **(settings or {}),
        }
        self.fault = folder / "fault"
        self.environment = {"CARILLON_ADMIN_TOKEN": ADMIN_TOKEN, "CARILLON_TEST_FAULT_FILE": str(self.fault),
                            **(environment or {})}
        self.before_start = lambda: None  # is called by its process before it is a node
        self.process = None
        self.starts = 0
        self.urls = []
        self.log_path = None
        self.api = Api(self)

    # --- life ---

    def start(self, fault=None, wait=True, seconds=30, **more):
        """Starts it and waits for the line that says where it listens. `more`: settings of this start, with
        underscores for `.` and `-` not allowed: give them as {"delivery.timeout": "1s"} in `settings`."""
        assert self.process is None, "the node runs already"
        self.starts += 1
        self.log_path = self.folder / f"stderr-{self.starts}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CARILLON_")}
        environment.update(self.environment)
        environment.update(more.get("environment", {}))
        if fault:
            environment["CARILLON_TEST_FAULT"] = fault
        settings = {**self.settings, **more.get("settings", {})}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [executable(), "serve", *flags_of(settings)],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=self.folder,
                preexec_fn=self._prepare,
            )
        self._lines = queue.Queue()
        threading.Thread(target=self._read_stdout, args=(self.process.stdout, self._lines), daemon=True).start()
        if wait:
            self.wait_ready(seconds)
        return self

    def _prepare(self):
        die_with_parent()
        self.before_start()

    @staticmethod
    def _read_stdout(pipe, lines):
        for line in pipe:
            lines.put(line.decode().rstrip("\n"))
        lines.put(None)

    def wait_ready(self, seconds=30):
        """Waits for one `listening on …` line per listener."""
        listeners = 0
        for key in ("http.listen", "http.admin-listen"):
            value = self.settings.get(key)
            listeners += 0 if not value else len(value) if isinstance(value, (list, tuple)) else 1
        urls = []
        while len(urls) < listeners:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"the node did not get ready:\n{self.log()}") from None
            assert line is not None, f"the node ended at its start:\n{self.log()}"
            assert line.startswith("listening on "), f"unexpected on stdout: {line!r}"
            urls.append(line[len("listening on "):])
        self.urls = urls
        self.api.url = urls[0]

    @property
    def url(self):
        return self.urls[0]

    @property
    def address(self):
        host, _, port = self.url.split("//")[1].rpartition(":")
        return host, int(port)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, what):
        self.process.send_signal(what)

    def arm(self, point, nth=1, stop=False):
        """The running node kills itself, or stops (SIGSTOP), when it reaches this fault point the nth time from now."""
        text = self.fault.with_suffix(".new")
        text.write_text(f"{point}:{nth}{':stop' if stop else ''}\n")
        text.rename(self.fault)

    def stopped(self):
        """Whether a SIGSTOP holds it."""
        if not self.running():
            return False
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def _reap(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(f"the node did not end within {seconds} s:\n{self.log()[-4000:]}") from None
        finally:
            self.process.stdout.close()
            self.api.forget_connections()
        self.process = None
        return code

    def wait_end(self, seconds=30):
        """Waits for its end and gives the exit code; negative for a signal."""
        return self._reap(seconds)

    def kill(self):
        """kill -9: no chance to write anything down."""
        self.process.kill()
        return self._reap(10)

    def terminate(self, seconds=30):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap(seconds)

    def close(self):
        """For fixtures: ends it however it stands."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self._reap(10)

    # --- what it says ---

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path else ""

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def wait_for_log(self, text, seconds=10):
        wait_for(lambda: text in self.log(), seconds, lambda: f"{text!r} in the log:\n{self.log()[-3000:]}")


def run(*arguments, environment=None, folder=None, seconds=60):
    """Runs the program to its end: (exit code, stdout, stderr)."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CARILLON_")}
    clean.update({"CARILLON_ADMIN_TOKEN": ADMIN_TOKEN} if environment is None else environment)
    done = subprocess.run(
        [executable(), *arguments],
        env=clean,
        cwd=folder,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        preexec_fn=die_with_parent,
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
