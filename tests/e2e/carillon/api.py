"""The node's API as its users call it. Every answer is held against /openapi.json."""

import base64
import itertools
import json
import secrets
import string

import requests

from .clock import wait_for
from .openapi import Description

FINAL = {"delivered", "rejected", "failed", "unknown", "expired", "cancelled"}


def key_secret():
    """A secret such as tenants already have: what `keys` imports."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


class Answer:
    """One answer, with its JSON at hand."""

    def __init__(self, response):
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text

    @property
    def json(self):
        return self.response.json()

    @property
    def slug(self):
        """The problem's kind, `event-id-reused`; None when the answer is no problem."""
        kind = self.json.get("type", "") if self.status >= 400 else ""
        prefix = "urn:carillon:problem:"
        return kind[len(prefix):] if kind.startswith(prefix) else None

    def __repr__(self):
        return f"<{self.status} {self.text[:2000]}>"


class Api:
    def __init__(self, node):
        self.node = node
        self.url = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._description = None

    def forget_connections(self):
        self._session.close()

    @property
    def description(self):
        """The node's own description of its API."""
        if self._description is None:
            response = self._session.get(f"{self.url}/openapi.json", timeout=30)
            assert response.status_code == 200, response.text
            self._description = Description(response.json())
        return self._description

    def call(self, method, path, body=None, token=None, status=None, headers=None, data=None, timeout=60,
             check=True, url=None):
        """`body` goes as JSON, `data` as it is. With `status`, anything else fails the test."""
        from .node import ADMIN_TOKEN

        fields = dict(headers or {})
        if token is None:
            token = ADMIN_TOKEN
        if token:
            fields.setdefault("Authorization", f"Bearer {token}")
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            fields.setdefault("Content-Type", "application/json")
        if isinstance(data, str):
            data = data.encode()
        response = self._session.request(
            method, (url or self.url) + path, data=data, headers=fields, timeout=timeout, allow_redirects=False
        )
        answer = Answer(response)
        if status is not None:
            wanted = status if isinstance(status, (set, tuple, list)) else {status}
            assert answer.status in wanted, f"{method} {path}: wanted {status}, got {answer}"
        if check:
            self.description.check(method, path, response)
        return answer

    # --- accounts ---

    def account(self, name=None, **fields):
        """A new account, and a key of it: see `Account`."""
        name = name or "acct-" + secrets.token_hex(5)
        self.call("PUT", f"/v1/accounts/{name}", fields, status=201)
        return Account(self, name)

    def token(self, scopes, accounts=("*",), **fields):
        body = {"name": "test", "scopes": list(scopes), "accounts": list(accounts), **fields}
        return self.call("POST", "/v1/tokens", body, status={200, 201}).json

    def metrics(self):
        """{"carillon_events_total{result=\"accepted\"}": 3.0, …}"""
        values = {}
        for line in self.call("GET", "/metrics", status=200, check=False).text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values


class Account:
    """One tenant, asked with its own key where a tenant would ask."""

    def __init__(self, api, name):
        self.api = api
        self.name = name
        self.path = f"/v1/accounts/{name}"
        self.key = key_secret()
        self._numbers = itertools.count(1)
        self.key_id = api.call("POST", f"{self.path}/keys", {"name": "test", "scope": "account", "secret": self.key},
                               status={200, 201}).json["id"]

    def call(self, method, path, body=None, **more):
        more.setdefault("token", self.key)
        return self.api.call(method, self.path + path, body, **more)

    def copper(self, method, path, body=None, **more):
        """A call of Copper's API with the headers that its clients send."""
        headers = {
            "X-PW-AccessToken": self.key,
            "X-PW-Application": "developer_api",
            "X-PW-UserEmail": "someone@example.com",
            "Content-Type": "application/json",
        }
        headers.update(more.pop("headers", {}))
        return self.api.call(method, "/developer_api/v1" + path, body, token="",
                             headers={k: v for k, v in headers.items() if v is not None}, **more)

    def subscribe(self, target, type="person", event="new", **fields):
        """A Copper subscription's object."""
        body = {"target": target, "type": type, "event": event, **fields}
        return self.copper("POST", "/webhooks", body, status=200).json

    def pipeliner(self, method, path, body=None, user=None, password=None, **more):
        """A call of Pipeliner's API below `entities`, with HTTP Basic as its clients send it."""
        pair = f"{self.key_id if user is None else user}:{self.key if password is None else password}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), **more.pop("headers", {})}
        return self.api.call(method, f"/api/v100/rest/spaces/{more.pop('space', self.name)}/entities{path}", body,
                             token="", headers={k: v for k, v in headers.items() if v is not None}, **more)

    def webhook(self, url, events=("*",), **fields):
        """A Pipeliner webhook's object."""
        body = {"url": url, "insecure_ssl": False, "events": list(events), "options": {}, **fields}
        return self.pipeliner("POST", "/Webhooks", body, status=201).json["data"]

    def native_id(self, webhook):
        """The native API's id of a Pipeliner webhook."""
        rows = self.call("GET", "/subscriptions?limit=500", status=200).json["data"]
        [found] = [row for row in rows if webhook["id"] in json.dumps(row)]
        return found["id"]

    def patch(self, subscription, **fields):
        identifier = subscription["id"] if isinstance(subscription, dict) else subscription
        return self.call("PATCH", f"/subscriptions/{identifier}", fields, status=200).json

    def subscription(self, subscription):
        identifier = subscription["id"] if isinstance(subscription, dict) else subscription
        return self.call("GET", f"/subscriptions/{identifier}", status=200).json

    def event(self, of=None, entity="Contact", action="Create", **fields):
        """An event's object with an id of its own."""
        number = next(self._numbers)
        event = {"id": f"{self.name}-{number}", "entity": entity, "action": action}
        if "record_ids" not in fields:
            event["record_id"] = of if of is not None else number
        event.update(fields)
        return event

    def changed(self, **more):
        """An update that differs from every other one, so that it joins nobody's notification."""
        number = next(self._numbers)
        return {"id": f"{self.name}-{number}", "entity": "Contact", "action": "Update", "record_id": number,
                "changes": {"n": [None, number]}, **more}

    def post(self, events, status=202, **more):
        """Posts one event or a list, as the SaaS does."""
        more.setdefault("token", None)
        return self.call("POST", "/events", events, status=status, **more)

    # --- what became of it ---

    def pages(self, path, query="", **more):
        """All rows of a list."""
        after, rows = None, []
        while True:
            where = f"{path}?limit=500{query}" + (f"&after={after}" if after else "")
            page = self.call("GET", where, status=200, **more).json
            rows += page["data"]
            after = page["next"]
            if not after:
                return rows

    def log(self, query=""):
        return self.pages("/notifications", query)

    def missed(self):
        """The whole missed feed. Its `next` is never null: it ends with an empty page."""
        after, rows = None, []
        while True:
            where = "/missed?limit=500" + (f"&after={after}" if after else "")
            page = self.call("GET", where, status=200).json
            rows += page["data"]
            assert page["next"], "the missed feed's next is never null"
            after = page["next"]
            if not page["data"]:
                return rows

    def usage(self):
        return self.call("GET", "/usage", status=200).json

    def settle(self, seconds=30):
        """Waits until nothing is pending or in flight, and gives the log."""
        wait_for(
            lambda: (lambda u: u["pending"]["notifications"] == 0 and u["in_flight"] == 0)(self.usage()),
            seconds,
            lambda: f"an end of all notifications: {self.usage()}",
            pause=0.05,
        )
        rows = wait_for(
            lambda: (lambda log: log if all(n["state"] in FINAL for n in log) else None)(self.log()) or [None],
            seconds,
            lambda: f"an end of all notifications: {[n['state'] for n in self.log()]}",
            pause=0.05,
        )
        return [] if rows == [None] else rows
