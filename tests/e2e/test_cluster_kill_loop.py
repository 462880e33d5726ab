"""One node after another dies under load and comes back. Prints how long events of some account were not accepted."""

import random
import statistics

from carillon.clock import boot_ns, wait_for
from carillon.cluster_load import Stream, Tenants, answered_since, close_books
from conftest import LONG

ROUNDS = 1000 if LONG else 25
# So wide that what is POSTed late after a death was not held back by them.
WINDOWS = [(200, 2)]
LIMITS = [{"count": count, "seconds": seconds} for count, seconds in WINDOWS]


def percentile(values, of_hundred):
    return sorted(values)[min(len(values) - 1, len(values) * of_hundred // 100)]


def told(name, seconds):
    return (f"{name}: p50 {statistics.median(seconds):.3f} s, p99 {percentile(seconds, 99):.3f} s, "
            f"longest {max(seconds):.3f} s")


def first_post(ledger, since):
    """When the first POST came with an event that was posted after this moment and accepted; None: not yet."""
    records = {ledger.accepted[i]["record_id"] for _, ids in answered_since(ledger, since) for i in ids}
    found = None
    for arrival in reversed(ledger.receiver.arrivals):
        if arrival.first <= since:
            break
        if arrival.complete and arrival.path == ledger.path and records & set(map(int, arrival.json["ids"])):
            found = arrival.first
    return found


def test_kill_loop(cluster, receiver, ledger_of):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    ledgers = Tenants(cluster, receiver, ledger_of, LIMITS).of_every_node(2)
    accepted_after, posted_after, kills = [], [], 0
    with Stream(cluster, ledgers) as stream:
        for number in range(1, ROUNDS + 1):
            stream.flows()
            wait_for(cluster.can_lose_one, 60, lambda: f"a cluster that can lose a node: {cluster.describe()}")
            victim = chance.choice(cluster.nodes)
            leads = any(cluster.primary_of(one.shard) is victim for one in ledgers)
            victim.kill()
            died = boot_ns()
            kills += 1
            accepted = stream.flows(since=died, seconds=15)
            posts = wait_for(lambda: (lambda all_: all(all_) and all_)([first_post(one, died) for one in ledgers]), 30,
                             "a POST of every account")
            posted = (max(posts) - died) / 1e9
            print(f"round {number}: {victim.folder.name}, accepted after {accepted:.3f} s, POSTed after {posted:.3f} s"
                  + ("" if leads else "; it led none of them"))
            if leads:
                accepted_after.append(accepted)
                posted_after.append(posted)
            victim.start()
    logs = close_books(cluster, ledgers, windows=WINDOWS, seconds=120)
    print(told("from a kill until events of every account are accepted", accepted_after))
    print(told("from a kill until a POST of every account", posted_after))
    print(f"{kills} kills, {len(accepted_after)} of a node that led some of the accounts; "
          f"{sum(len(one.accepted) for one in ledgers)} events acknowledged, 0 lost, "
          f"{sum(map(len, logs))} notifications, 0 POSTed twice, "
          f"{sum(n['state'] == 'unknown' for log in logs for n in log)} unknown")
