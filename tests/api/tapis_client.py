"""A client of the Tapis door that holds every answer against the OpenAPI document that the server serves."""

import datetime
import json
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
CHECKED = {"$ref", "type", "const", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "minLength", "maxLength", "pattern",
           "format"}
SAID = {"default", "description"}  # say something and allow everything


def validate(value, schema, document, where="answer"):
    """Holds a value against as much of JSON Schema 2020-12 as the document uses; other keywords are an error."""
    unknown = set(schema) - CHECKED - SAID
    assert not unknown, f"{where}: the validator does not know {unknown}"
    if "$ref" in schema:
        validate(value, resolve(document, schema["$ref"]), document, where)
    types = schema.get("type", list(TYPES))
    types = [types] if isinstance(types, str) else types
    assert any(isinstance(value, TYPES[t]) for t in types), f"{where} is no {types}: {value!r}"
    assert "const" not in schema or value == schema["const"], f"{where}: {value!r}"
    assert "enum" not in schema or value in schema["enum"], f"{where}: {value!r}"
    if "anyOf" in schema:
        assert any(fits(value, one, document) for one in schema["anyOf"]), f"{where}: {value!r}"
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, f"{where} lacks {missing}"
        properties = schema.get("properties", {})
        more = set(value) - set(properties)
        others = schema.get("additionalProperties", True)
        assert not more or others is not False, f"{where} has {more}"
        for name in more if isinstance(others, dict) else ():
            validate(value[name], others, document, f"{where}.{name}")
        for name in set(value) & set(properties):
            validate(value[name], properties[name], document, f"{where}.{name}")
    elif isinstance(value, list):
        for i, one in enumerate(value):
            validate(one, schema.get("items", {}), document, f"{where}[{i}]")
    elif isinstance(value, str):
        assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)), f"{where}: {value!r}"
        assert re.search(schema.get("pattern", ""), value), f"{where}: {value!r}"
        if schema.get("format") == "date-time":
            datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")


def fits(value, schema, document):
    try:
        validate(value, schema, document)
    except AssertionError:
        return False
    return True


def resolve(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


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
            if "$ref" in response:
                response = resolve(self.document, response["$ref"])
            schema = response["content"]["application/json"]["schema"]
        if not answer.headers["content-type"].startswith("application/json"):
            raise AssertionError(f"not JSON: {answer.headers}")
        validate(answer.json, schema, self.document)

    def operation(self, method, path):
        path = re.sub("/+", "/", path.split("?")[0])
        for pattern, name in self.patterns:
            found = self.document["paths"][name].get(method.lower())
            if found and pattern.match(path):
                return found
        return None
