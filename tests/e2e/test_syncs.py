"""How often the store is synced for one event, on a node that has nothing else to do."""

import statistics
import time
import urllib.request

from carillon.clock import wait_for
from carillon.node import ADMIN_TOKEN
from carillon.receiver import Answer

COMMITS = "carillon_commit_duration_seconds_count "


def commits(node):
    """Asked on a connection of its own, for the receiver's thread asks too."""
    request = urllib.request.Request(node.api.url + "/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(COMMITS):
                return int(float(line.removeprefix(COMMITS)))
    raise AssertionError(f"no {COMMITS}in /metrics")


def commits_when_idle(node):
    """The commits so far, once there were none for a while: outcomes are kept within 200 ms."""
    seen = {"commits": -1, "since": 0.0}

    def idle():
        now = commits(node)
        if now != seen["commits"]:
            seen.update(commits=now, since=time.monotonic())
        return time.monotonic() - seen["since"] > 0.5

    wait_for(idle, 30, "an end of the commits")
    return seen["commits"]


def test_one_event_is_one_sync_before_its_post_and_at_most_one_after(make_node, receiver):
    node = make_node()
    account = node.api.account()
    account.subscribe(receiver.url("/sync"), event="update")
    at_post = []

    def answer(arrival):
        # Before the answer: no outcome can have been kept yet.
        at_post.append(commits(node))
        return Answer()

    receiver.on("/sync", answer)
    account.post(account.changed())  # wakes the account
    account.settle()
    before_post, in_all = [], []
    for number in range(5):
        start = commits_when_idle(node)
        account.post(account.changed())
        wait_for(lambda: len(at_post) == number + 2, 20, "the event's POST")
        before_post.append(at_post[-1] - start)
        in_all.append(commits_when_idle(node) - start)
    # The sweeper's mark or a token's last use may fall into one of them.
    assert statistics.median(before_post) == 1, before_post
    assert min(before_post) == 1, before_post
    assert statistics.median(in_all) <= 2, in_all
