"""JSON Schema 2020-12, as much of it as the Tapis door's OpenAPI document uses: what of a schema a value violates, and values
that are made from a schema, at each of its boundaries and beyond. A keyword that is not known here is an error."""

import copy
import datetime
import re

SAID = {"default", "description"}  # say something and allow everything
KEYWORDS = {"$ref", "type", "const", "enum", "anyOf", "if", "then", "else", "properties", "required", "additionalProperties", "propertyNames",
            "maxProperties", "items", "minLength", "maxLength", "pattern", "format", "minimum", "maximum"}
# Texts that are taken for harmless, and numbers and words that are taken for something else.
HOSTILE = ["", " ", "x", "a b", "a.b", "a/b", "x\n", "x\x00", "\x1f", "\x7f", "\x80", "\x9f", "é", "²", "\u0663", "\u2028", "😀", "*", "b*", "a:b", ":", "_", "-_",
           "_-a", "service:", "service:x", "service:*", "service:a:b", "user:x", "SERVICE:x", "null", "1", "0", "2", "01", "1.0", "-1", "true", "True", "TRUE", "tRuE",
           "t", "yes", "on", "y", "f", "n", "no", "off", "false", "FALSE", "truee", " true", "true\n", "ja", "enable", "TENANT", "tenant", "service:TENANT", "${", "%00", "'", '"', "\\"]
LENGTHS = [1 << n for n in range(6, 22)]  # a limit that the schema does not say lies between two of these
OTHERS = [None, True, False, 0, 1, -1, 2, 0.0, 1.0, 0.5, 1e300, 10**19, 80, 443.0, 65535, 65536, [], [1], {}, {"x": 1}]


def resolve(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def expand(schema, document):
    """The schema with a $ref of its own replaced by what it refers to."""
    while "$ref" in schema:
        schema = {**resolve(document, schema["$ref"]), **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TYPES = {"object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list), "string": lambda v: isinstance(v, str),
         "boolean": lambda v: isinstance(v, bool), "null": lambda v: v is None, "number": is_number,
         "integer": lambda v: is_number(v) and v == int(v)}


def same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def types_of(schema):
    types = schema.get("type", list(TYPES))
    return [types] if isinstance(types, str) else types


def matches(pattern, text):
    # ECMA-262's `$` is the end only; Python's is also before a last newline.
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def is_time(text):
    try:
        return bool(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ"))
    except ValueError:
        return False


def violations(value, schema, document, at=""):
    """The keywords of the schema that the value violates, each as "place:keyword"."""
    schema = expand(schema, document)
    unknown = set(schema) - KEYWORDS - SAID
    assert not unknown, f"{at}: the validator does not know {unknown}"
    bad = set()

    def check(keyword, good):
        if keyword in schema and not good(schema[keyword]):
            bad.add(f"{at}:{keyword}")

    check("type", lambda _: any(TYPES[t](value) for t in types_of(schema)))
    check("const", lambda one: same(value, one))
    check("enum", lambda those: any(same(value, one) for one in those))
    check("anyOf", lambda those: any(not violations(value, one, document, at) for one in those))
    if "if" in schema:
        branch = "else" if violations(value, schema["if"], document, at) else "then"
        bad |= {f"{at}:{branch}" for _ in violations(value, schema.get(branch, {}), document, at)}
    if is_number(value):
        check("minimum", lambda least: value >= least)
        check("maximum", lambda most: value <= most)
    elif isinstance(value, str):
        check("minLength", lambda least: len(value) >= least)
        check("maxLength", lambda most: len(value) <= most)
        check("pattern", lambda pattern: matches(pattern, value))
        check("format", lambda name: {"date-time": is_time}[name](value))
    elif isinstance(value, list):
        for one in value:
            bad |= violations(one, schema.get("items", {}), document, f"{at}[]")
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                bad.add(f"{at}:required {name}")
        check("maxProperties", lambda most: len(value) <= most)
        check("propertyNames", lambda names: not any(violations(name, names, document, at) for name in value))
        others = schema.get("additionalProperties", True)
        for name in value:
            if name in known:
                bad |= violations(value[name], known[name], document, f"{at}.{name}")
            elif others is False:
                bad.add(f"{at}:additionalProperties")
            elif others is not True:
                bad |= violations(value[name], others, document, f"{at}.*")
    return bad


def validate(value, schema, document, where="answer"):
    bad = violations(value, schema, document)
    assert not bad, f"{where} violates {sorted(bad)}: {str(value)[:500]}"


def keywords(schema, document, at=""):
    """Everything of a schema that a value could violate, as violations() names it."""
    schema = expand(schema, document)
    found = set()
    for keyword in schema.keys() & {"const", "enum", "anyOf", "then", "else", "minLength", "maxLength", "pattern", "minimum", "maximum", "maxProperties",
                                    "propertyNames"}:
        found.add(f"{at}:{keyword}")
    if "type" in schema:
        found.add(f"{at}:type")
    found |= {f"{at}:required {name}" for name in schema.get("required", ())}
    for name, one in schema.get("properties", {}).items():
        found |= keywords(one, document, f"{at}.{name}")
    others = schema.get("additionalProperties", True)
    if others is False:
        found.add(f"{at}:additionalProperties")
    elif others is not True:
        found |= keywords(others, document, f"{at}.*")
    return found


def values_for(schema, document, valid):
    """Values for one place: those of every type, hostile texts, and each boundary of the schema with what lies beyond it.
    `valid` is a value that the place takes."""
    schema = expand(schema, document)
    yield from OTHERS
    if "string" in types_of(schema) or "anyOf" in schema:
        yield from HOSTILE
        yield from ("a" * length for length in LENGTHS)
    filler = valid if isinstance(valid, str) and valid else "a"
    for keyword, beyond in (("minLength", -1), ("maxLength", 1)):
        for length in {schema[keyword], schema[keyword] + beyond} if keyword in schema else ():
            yield (filler * length)[:max(length, 0)]
    for length in map(int, re.findall(r"\{1,(\d+)\}", schema.get("pattern", ""))):
        yield from ("u" * length, "u" * (length + 1), "service:" + "u" * length, "service:" + "u" * (length + 1))
    for one in schema.get("enum", ()):
        yield from (one, one.upper(), one.lower(), one + " ", one[:-1])
    for keyword in {"minimum", "maximum"} & set(schema):
        yield from (schema[keyword] - 1, schema[keyword], schema[keyword] + 1)
    if isinstance(valid, dict):
        yield from objects_for(schema, document, valid)


def objects_for(schema, document, valid):
    """The valid object, with one thing of it changed."""
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, one in valid.items():
        yield {k: v for k, v in valid.items() if k != name}
        inner = properties.get(name, others)
        for value in values_for(inner if isinstance(inner, dict) else {}, document, one):
            yield {**copy.deepcopy(valid), name: value}
    yield {**valid, "unheard_of": "x"}
    if valid and "propertyNames" in schema:
        (name, value), *rest = valid.items()
        for other in values_for(schema["propertyNames"], document, name):
            if isinstance(other, str):
                yield {other: value, **dict(rest)}
    if "maxProperties" in schema:
        for count in (schema["maxProperties"], schema["maxProperties"] + 1):
            yield {f"k{i}": "v" for i in range(count)}
