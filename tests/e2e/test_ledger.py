"""The ledger itself: every broken promise that it is there to see, it sees. No node is needed for this."""

import pytest
from carillon import openapi
from carillon.ledger import Ledger, check_windows, window_excess
from carillon.receiver import Arrival, Receiver


class FakeAccount:
    name = "fake"

    def __init__(self):
        self.rows = []
        self.feed = None

    def settle(self, seconds):
        return self.rows

    def missed(self):
        return self.feed if self.feed is not None else [n for n in self.rows if n["state"] != "delivered"]


class FakeReceiver:
    def __init__(self):
        self.arrivals = []

    def at(self, path):
        return self.arrivals


class Books:
    """Three records, each in a notification of its own that was delivered."""

    def __init__(self, folder):
        self.account, self.receiver = FakeAccount(), FakeReceiver()
        self.ledger = Ledger(folder, self.account, self.receiver, "/")
        for number in range(3):
            event = {"id": f"e{number}", "record_id": number}
            self.ledger.trying([event])
            self.ledger.answered({"events": [{"id": event["id"], "notifications": 1}]}, [event])
            self.account.rows.append({
                "id": f"n{number}", "webhook_id": f"m{number}", "state": "delivered", "test": False,
                "events": [event["id"]], "records": [str(number)],
                "claimed_at": f"2024-01-01T00:00:0{number}.000Z"})
            self.receiver.arrivals.append(Arrival(first=number * 10**9, headers={"webhook-id": f"m{number}"}))


@pytest.fixture
def books(tmp_path):
    made = Books(tmp_path)
    yield made
    made.ledger.close()


def test_good_books_pass(books):
    assert len(books.ledger.check(windows=[(1, 1)])) == 3


def break_twice(books):
    books.receiver.arrivals.append(Arrival(first=9, headers={"webhook-id": "m1"}))


def break_stranger(books):
    books.receiver.arrivals.append(Arrival(first=9, headers={"webhook-id": "other"}))


def break_never_came(books):
    del books.receiver.arrivals[1]


def break_lost(books):
    del books.account.rows[1], books.receiver.arrivals[1]


def break_doubled(books):
    books.account.rows.append({**books.account.rows[1], "id": "n9", "webhook_id": "m9"})
    books.receiver.arrivals.append(Arrival(first=9, headers={"webhook-id": "m9"}))


def break_other_count(books):
    books.ledger.told["e1"] = 2


def break_uninvited(books):
    books.account.rows[1]["events"] = ["nobody's"]


def break_pending(books):
    books.account.rows[1]["state"] = "pending"


def break_unknown(books):
    books.account.rows[1]["state"] = "unknown"


def break_expired_but_sent(books):
    books.account.rows[1]["state"] = "expired"


def break_not_missed(books):
    books.account.rows[1]["state"] = "rejected"
    books.account.feed = []


def break_missed_though_delivered(books):
    books.account.feed = [books.account.rows[0]]


def break_window(books):
    books.account.rows[1]["claimed_at"] = "2024-01-01T00:00:00.900Z"


def break_window_of_arrivals(books):
    books.receiver.arrivals[1].first = 5 * 10**8


@pytest.mark.parametrize("broken", [f for name, f in sorted(globals().items()) if name.startswith("break_")],
                         ids=lambda f: f.__name__)
def test_broken_books_do_not(books, broken):
    broken(books)
    with pytest.raises(AssertionError):
        books.ledger.check(windows=[(1, 1)], expired=True)


def test_what_a_crash_allows(books):
    books.account.rows[1]["state"] = "unknown"
    books.ledger.check(crashed=True)
    del books.receiver.arrivals[1]
    books.ledger.check(crashed=True)


def test_events_that_were_never_answered_may_be_there_or_not(books):
    books.ledger.trying([{"id": "unsure", "record_id": 77}])
    books.ledger.check()
    books.account.rows[0]["events"].append("unsure")
    books.account.rows[0]["records"].append("77")
    books.ledger.check()


def test_windows():
    second = 10**9
    assert window_excess([0, second, 2 * second], 1, 1) == 0
    assert window_excess([0, 0, second], 2, 1) == 0
    assert window_excess([0, second // 2], 1, 1) == pytest.approx(0.5)
    assert window_excess([], 1, 1) == 0 and window_excess([5], 1, 1) == 0
    with pytest.raises(AssertionError):
        check_windows([(1, 1)], [], [Arrival(first=0), Arrival(first=second // 2)])


def test_the_description_refuses_what_it_does_not_describe():
    class Response:
        status_code, text, content = 200, "", b"{}"
        headers = {"X-Request-Id": "1", "Content-Type": "application/json"}
        body = {"a": 1}

        def json(self):
            return self.body

    described = openapi.Description({"paths": {"/a/{b}": {"get": {"responses": {"200": {"content": {
        "application/json": {"schema": {"type": "object", "required": ["a"]}}}}}}}}})
    response = Response()
    described.check("GET", "/a/x?y=z", response)
    response.body = {}
    with pytest.raises(AssertionError, match="not as described"):
        described.check("GET", "/a/x", response)
    response.status_code = 204
    with pytest.raises(AssertionError, match="status that is not described"):
        described.check("GET", "/a/x", response)


def test_the_receiver_keeps_what_came(server_certificate, authority):
    import requests
    from carillon.receiver import Answer

    receiver = Receiver(*server_certificate)
    try:
        receiver.on("/a", Answer(500, body=b"no"), Answer(status=0), Answer())
        session = requests.Session()
        session.trust_env, session.verify = False, str(authority.path)
        assert session.post(receiver.url("/a"), data=b"one", headers={"X-A": "1"}).status_code == 500
        with pytest.raises(requests.ConnectionError):
            session.post(receiver.url("/a"), data=b"two")
        assert session.post(receiver.url("/a"), data=b"x" * 200_000).status_code == 200
        first, second, third = receiver.wait("/a", 3)
        assert (first.body, second.body, len(third.body)) == (b"one", b"two", 200_000)
        assert first.headers["x-a"] == "1" and first.first <= first.complete <= first.answered
        assert second.answered is None
    finally:
        receiver.close()
