"""What was promised against what happened.

Three books are kept apart: the events that were answered 202 (written and synced by the generator before it goes on),
the POSTs that receivers saw, and the node's own log. `Ledger.check` compares them.
"""

import collections
import datetime
import http.client
import json
import os
import threading
import time

from .api import FINAL
from .clock import boot_ns


def nanoseconds(rfc3339):
    """An API time as nanoseconds of civil time."""
    moment = datetime.datetime.fromisoformat(rfc3339.replace("Z", "+00:00"))
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def window_excess(times, count, seconds):
    """How far, in seconds, some `count`+1 of these times (ns) lie too close together; 0 when none do."""
    times = sorted(times)
    shortest = min((b - a for a, b in zip(times, times[count:])), default=None)
    return 0 if shortest is None else max(0.0, seconds - shortest / 1e9)


# The claims' times in the log are whole milliseconds, so two of them may seem up to 1 ms closer than they are; and a
# wall clock that is being slewed (at most 500 ppm) differs from the boot clock by 3 ms over 6 s.
CLAIM_TOLERANCE = 0.005
# A receiver in Python sees a first byte when its thread gets its turn. The earlier of two that lie one window apart can
# be seen late, the later one in time: what is between them shrinks by the delay, on a busy machine tens of milliseconds.
ARRIVAL_TOLERANCE = 0.25


def check_windows(windows, log, arrivals):
    """No window is exceeded, by the sender's claims nor by the receiver's first bytes."""
    claims = [nanoseconds(n["claimed_at"]) for n in log if n["claimed_at"]]
    for count, seconds in windows:
        excess = window_excess(claims, count, seconds)
        assert excess <= CLAIM_TOLERANCE, f"{count + 1} claims lie {excess:.3f} s too close for {count}/{seconds}s"
        excess = window_excess([a.first for a in arrivals], count, seconds)
        assert excess <= ARRIVAL_TOLERANCE, f"{count + 1} POSTs came {excess:.3f} s too close for {count}/{seconds}s"


class Ledger:
    """Of one account and its receiver. `subscriptions`: how many of them match each event of the load; None when that
    changes meanwhile. `answers`: of each 202, when its request was sent and it came (boot time), and the events' ids."""

    def __init__(self, folder, account, receiver, path, subscriptions=1):
        self.account = account
        self.receiver = receiver
        self.path = path
        self.subscriptions = subscriptions
        self.accepted = {}
        self.told = {}
        self.tried = {}
        self.answers = []
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = open(folder / f"accepted-{account.name}.jsonl", "ab", buffering=0)

    def close(self):
        self._file.close()

    def trying(self, events):
        with self._guard:
            self.tried.update({e["id"]: e for e in events})

    def answered(self, answer, events, sent=0):
        """Writes down what a 202 promised, before anything else happens."""
        came = boot_ns()
        assert len(answer["events"]) == len(events), answer
        lines = b""
        for told, event in zip(answer["events"], events):
            assert told["id"] == event["id"], (told, event)
            assert told["notifications"] >= (self.subscriptions or 0), (told, event)
            lines += json.dumps(event).encode() + b"\n"
        os.write(self._file.fileno(), lines)
        os.fdatasync(self._file.fileno())
        with self._guard:
            self.accepted.update({e["id"]: e for e in events})
            self.told.update({told["id"]: told["notifications"] for told in answer["events"]})
            self.answers.append((sent, came, [e["id"] for e in events]))

    def check(self, crashed=False, windows=(), seconds=60, expired=False):
        """All of the promises that the three books can show. Gives the log.

        `crashed`: whether there may be `unknown` ones; `expired`: whether the load was over the backlog's limits."""
        log = self.account.settle(seconds)
        arrivals = self.receiver.at(self.path)
        by_id = collections.Counter(a.webhook_id for a in arrivals)
        twice = [i for i, count in by_id.items() if count > 1]
        assert not twice, f"POSTed more than once: {twice[:10]}"
        rows = {n["webhook_id"]: n for n in log}
        assert len(rows) == len(log), "two notifications of one webhook-id"
        assert len({n["id"] for n in log}) == len(log), "a notification is in the log twice"
        strangers = [i for i in by_id if i not in rows]
        assert not strangers, f"POSTed, but not in the log: {strangers[:10]}"

        for n in log:
            state = n["state"]
            assert state in FINAL, f"left without an end: {n}"
            came = by_id[n["webhook_id"]]
            if state == "delivered":
                assert came == 1, f"delivered, but the receiver never saw it: {n}"
            if state in ("expired", "cancelled"):
                assert came == 0, f"{state}, but it was POSTed: {n}"
            if state == "unknown":
                assert crashed, f"unknown without a crash: {n}"
            if state == "expired":
                assert expired, f"expired below the limits: {n}"

        self._check_events(log)
        missed = self.account.missed()
        assert len({n["id"] for n in missed}) == len(missed), "the missed feed tells something twice"
        wanted = {n["id"] for n in log if n["state"] != "delivered" and not n["test"]}
        assert {n["id"] for n in missed} == wanted, "the missed feed is not exactly what was not delivered"
        check_windows(windows, log, arrivals)
        return log

    def _check_events(self, log):
        """Each accepted record is in exactly one notification of each subscription; nothing is there uninvited; each
        event is part of as many notifications as its answer said."""
        placed = collections.Counter()
        parts = collections.Counter()
        for n in log:
            if n["test"]:
                continue
            for event in n["events"]:
                assert event in self.tried, f"an event that nobody posted: {event}"
                parts[event] += 1
            for record in n["records"]:
                placed[str(record)] += 1
        for event, told in self.told.items():
            assert parts[event] == told, f"{event} is part of {parts[event]} notifications, its answer said {told}"
        if self.subscriptions is None:
            return
        wanted = collections.Counter()
        for event in self.accepted.values():
            for record in event.get("record_ids") or [event["record_id"]]:
                wanted[str(record)] += self.subscriptions
        lost = [r for r, count in wanted.items() if placed[r] < count]
        assert not lost, f"{len(lost)} accepted records are in no notification: {lost[:10]}"
        unsure = {
            str(record)
            for identifier, event in self.tried.items()
            if identifier not in self.accepted
            for record in event.get("record_ids") or [event["record_id"]]
        }
        more = [r for r, count in placed.items() if r not in unsure and count > wanted[r]]
        assert not more, f"{len(more)} records are in more notifications than they should be: {more[:10]}"


class Load:
    """Posts events from a few threads until it is stopped or has posted `total`; each waits `pace` seconds between two.

    When the node dies, each thread waits until `Node.url` is one that answers, and posts what it had in hand again, with
    the same ids: exactly what a SaaS does that wants no change lost."""

    def __init__(self, node, ledgers, total=None, threads=4, per_request=1, make=None, again=True, timeout=60,
                 pace=0):
        self.node = node
        self.ledgers = ledgers
        self.total = total
        self.per_request = per_request
        self.make = make or (lambda account: account.event())
        self.again = again
        self.timeout = timeout
        self.pace = pace
        self.statuses = collections.Counter()
        self.refusals = collections.Counter()  # by what their answer says
        self.problems = []
        self._posted = 0
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def join(self, seconds=60):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            assert not thread.is_alive(), "the load does not come to its end"
        assert not self.problems, self.problems[:3]
        return self

    def stop(self):
        """Ends the load; what was in hand stays unsure."""
        self._stop.set()
        return self.join()

    @property
    def posted(self):
        return self._posted

    def _take(self):
        """The next request's number, over all threads, so that each ledger gets its equal share; None at the end."""
        with self._guard:
            if self._stop.is_set() or (self.total is not None and self._posted >= self.total):
                return None
            turn = self._posted // self.per_request
            self._posted += self.per_request
            return turn

    def _run(self):
        try:
            connection = None
            while (turn := self._take()) is not None:
                ledger = self.ledgers[turn % len(self.ledgers)]
                with self._guard:
                    events = [self.make(ledger.account) for _ in range(self.per_request)]
                ledger.trying(events)
                while True:
                    sent = boot_ns()
                    connection, answer = self._post(connection, ledger.account, events)
                    if answer is not None:
                        ledger.answered(answer, events, sent)
                        break
                    if self._stop.is_set() or not self.again:
                        break
                    time.sleep(0.02)
                time.sleep(self.pace)
            if connection:
                connection.close()
        except BaseException as problem:  # noqa: B902 - told by `join`
            self.problems.append(repr(problem))

    def _post(self, connection, account, events):
        from .node import ADMIN_TOKEN

        try:
            address = self.node.address
            if connection is None or (connection.host, connection.port) != address:
                connection = http.client.HTTPConnection(*address, timeout=self.timeout)
            connection.request(
                "POST",
                f"{account.path}/events",
                json.dumps(events if self.per_request > 1 else events[0]),
                {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            body = response.read()
            self.statuses[response.status] += 1
            if response.status == 202:
                return connection, json.loads(body)
            assert response.status in (429, 503), f"{response.status}: {body[:300]}"
            assert int(response.headers["Retry-After"]) >= 1
            self.refusals[json.loads(body)["detail"]] += 1
            return connection, None
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            if connection:
                connection.close()
            return None, None
