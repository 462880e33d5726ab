"""Holds answers against the node's own description of its API."""

import re

import jsonschema


class Description:
    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.routes = []
        for template, item in document["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}|\{[^}]*\}", "[^/]+", re.escape(template))
            self.routes.append((re.compile(f"^{pattern}/?$"), template, item))
        # The most literal template wins: /events/explain before /events/{id}.
        self.routes.sort(key=lambda route: route[1].count("{"))
        self._validators = {}

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def find(self, path):
        path = path.split("?")[0]
        for pattern, template, item in self.routes:
            if pattern.match(path):
                return template, item
        return None, None

    def check(self, method, path, response):
        """Fails the test when the answer is none that the description knows."""
        where = f"{method} {path} → {response.status_code}"
        assert response.headers.get("X-Request-Id"), f"{where}: no X-Request-Id"
        content_type = response.headers.get("Content-Type", "").split(";")[0]
        is_dialect = path.startswith(("/developer_api/", "/api/v100/"))
        # /readyz tells its reasons in a form of its own, whatever the status.
        if response.status_code >= 400 and not is_dialect and path != "/readyz":
            self.check_problem(where, content_type, response)
        template, item = self.find(path)
        if template is None:
            assert response.status_code in (400, 401, 404, 413, 503), f"{where}: a path that is not described"
            return
        operation = item.get(method.lower())
        if operation is None:
            assert response.status_code in (401, 404, 405), f"{where}: a method that is not described"
            return
        responses = operation["responses"]
        code = str(response.status_code)
        answer = responses.get(code) or responses.get(f"{code[0]}XX") or responses.get("default")
        assert answer is not None, f"{where} ({template}): a status that is not described: {response.text[:300]}"
        answer = self.resolve(answer)
        content = answer.get("content")
        if not content:
            assert not response.content or response.status_code >= 400, f"{where}: a body that is not described"
            return
        assert content_type in content, f"{where}: {content_type!r} is none of {list(content)}"
        schema = content[content_type].get("schema")
        if schema is None or "json" not in content_type:
            return
        key = (method, template, code, content_type)
        validator = self._validators.get(key)
        if validator is None:
            validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
            self._validators[key] = validator
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response.json())]
        assert not errors, f"{where} is not as described: {errors[:3]}\n{response.text[:1000]}"

    def slugs(self):
        """The fixed list of problem types."""
        text = str(self.document)
        return set(re.findall(r"urn:carillon:problem:([a-z0-9-]+)", text))

    def check_problem(self, where, content_type, response):
        assert content_type == "application/problem+json", f"{where}: {content_type!r}: {response.text[:300]}"
        problem = response.json()
        for member in ("type", "title", "status", "request_id"):
            assert member in problem, f"{where}: a problem without {member}: {problem}"
        assert problem["status"] == response.status_code, f"{where}: {problem}"
        assert problem["request_id"] == response.headers["X-Request-Id"], f"{where}: {problem}"
        prefix = "urn:carillon:problem:"
        assert problem["type"].startswith(prefix), f"{where}: {problem}"
        slug = problem["type"][len(prefix):]
        assert slug in self.slugs(), f"{where}: {slug} is not in the list of problems"
        for error in problem.get("errors", []):
            assert set(error) == {"pointer", "detail"} and error["pointer"].startswith("#"), f"{where}: {error}"
        if response.status_code == 401:
            assert "WWW-Authenticate" in response.headers, f"{where}: no WWW-Authenticate"
        if response.status_code in (429, 503):
            assert int(response.headers["Retry-After"]) >= 1, f"{where}: no Retry-After"
