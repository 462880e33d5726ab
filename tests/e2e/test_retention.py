"""What is past its time goes, and nothing else does.

The sweeper walks over the whole store in small steps, so what it does is waited for together.
"""

import pytest
from carillon.clock import wait_for
from carillon.receiver import Answer
from conftest import LONG

SHORT = {"retention.bodies": "2s", "limits.backlog-age": "2s", "retention.log": "2s", "retention.missed": "2s",
         "retention.idempotency": "2s"}
A_FEW_ROUNDS = 150


@pytest.mark.skipif(not LONG, reason="the sweeper takes half a minute to come round, and some things need several rounds")
def test_what_is_past_retention_goes(make_node, receiver):
    node = make_node(SHORT)
    kept, deleted = node.api.account(), node.api.account()
    receiver.on("/fails", Answer(500))
    kept.subscribe(receiver.url("/fails"), "person", "update")
    event = kept.changed()
    kept.post(event)
    kept.settle()
    start = kept.call("GET", "/missed", status=200).json["next"]
    kept.post(kept.changed())
    kept.settle()
    assert len(kept.call("GET", f"/missed?after={start}", status=200).json["data"]) == 1

    held = deleted.subscribe(receiver.url("/never"), "person", "update")
    deleted.patch(held, status="paused")
    deleted.post(deleted.changed())
    node.api.call("DELETE", deleted.path, status=202)

    wait_for(lambda: kept.log() == [], A_FEW_ROUNDS, lambda: f"an empty log: {kept.log()}", pause=0.5)
    gone = wait_for(lambda: (lambda a: a if a.status == 410 else None)(kept.call("GET", f"/missed?after={start}")),
                    A_FEW_ROUNDS, "a cursor that is gone", pause=0.5)
    assert gone.slug == "cursor-gone"
    assert kept.call("GET", f"/missed?after={gone.json['earliest']}", status=200).json["data"] == []
    again = wait_for(lambda: (lambda a: a if a.json.get("accepted") else None)(kept.post(event, status=None)),
                     A_FEW_ROUNDS, "an id that is new again", pause=0.5)
    assert again.status == 202

    wait_for(lambda: node.api.call("GET", deleted.path).status == 404, A_FEW_ROUNDS, "an end of the erasing", pause=0.5)
    node.api.call("DELETE", deleted.path, status=404)
    # The name may come back, without anything of the former one.
    fresh = node.api.account(deleted.name)
    assert fresh.log() == [] and fresh.call("GET", "/subscriptions", status=200).json["data"] == []
    assert fresh.missed() == [] and receiver.at("/never") == []
    assert fresh.post(fresh.changed()).json["accepted"] == 1


def test_what_is_needed_stays(make_node, receiver):
    """A start reads what the sweeper left: subscriptions, what waits, and its bodies."""
    node = make_node()
    account = node.api.account()
    subscription = account.subscribe(receiver.url("/waits"), "person", "update")
    account.patch(subscription, status="paused")
    account.post([account.changed() for _ in range(100)])
    for _ in range(3):
        node.terminate()
        node.start()
    account.patch(subscription, status="active")
    arrivals = receiver.wait("/waits", 100)
    assert sorted(a.json["ids"][0] for a in arrivals) == list(range(1, 101))
    assert all(a.json["updated_attributes"] == {"n": [None, a.json["ids"][0]]} for a in arrivals)
