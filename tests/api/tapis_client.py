"""A client of the Tapis door that holds every answer against the OpenAPI document that the server serves."""

import json
import re

from json_schema import expand, validate

# Headers that HTTP itself speaks of, on every answer.
OF_HTTP = {"date", "content-type", "content-length", "connection"}


class TapisClient:
    """One server's door. `document` is /pods/openapi.json; `statuses` is what was seen, by operation."""

    def __init__(self, server):
        self.server = server
        answer = server.request("GET", "/pods/openapi.json", token=None)
        assert answer.status == 200, answer
        self.document = answer.json
        self.statuses = {}
        self.patterns = [(re.compile(re.sub(r"\{[^}]*\}", "[^/]*", path) + "$"), path)
                         for path in sorted(self.document["paths"], key=lambda p: p.count("{"))]
        self.check("GET", "/pods/openapi.json", answer)

    def call(self, method, path, body=None, token=None, prefix="/v3", headers=None):
        """One request; `token` is a Tapis JWT."""
        headers = {"accept": "application/json", **(headers or {})}
        if token:
            headers["x-tapis-token"] = token
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
            headers.setdefault("content-type", "application/json")
        answer = self.server.request(method, prefix + path, body, headers, token=None)
        self.check(method, path, answer)
        return answer

    def check(self, method, path, answer):
        operation = self.operation(method, path)
        if operation is None:
            schema = {"$ref": "#/components/schemas/Failure"}
        else:
            self.statuses.setdefault(operation["operationId"], set()).add(answer.status)
            response = operation["responses"].get(str(answer.status))
            if response is None:
                raise AssertionError(f"{operation['operationId']} documents no {answer.status}: {answer}")
            response = expand(response, self.document)
            schema = response["content"]["application/json"]["schema"]
            self.check_headers(answer, response)
        if not answer.headers["content-type"].startswith("application/json"):
            raise AssertionError(f"not JSON: {answer.headers}")
        validate(answer.json, schema, self.document)

    def check_headers(self, answer, response):
        """Every header that is documented, and no other."""
        documented = {name.lower(): expand(header, self.document) for name, header in response["headers"].items()}
        for name, header in documented.items():
            if name in answer.headers:
                value = answer.headers[name]
                validate(int(value) if header["schema"].get("type") == "integer" else value, header["schema"], self.document, name)
            elif header.get("required"):
                raise AssertionError(f"{name} is missing: {answer.headers}")
        more = set(answer.headers) - set(documented) - OF_HTTP
        if more:
            raise AssertionError(f"{more} are not documented")

    def operation(self, method, path):
        path = re.sub("/+", "/", path.split("?")[0])
        for pattern, name in self.patterns:
            found = self.document["paths"][name].get(method.lower())
            if found and pattern.match(path):
                return found
        return None
