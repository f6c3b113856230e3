#!/usr/bin/env python3
"""Secrets of the Tapis door that may not be read (readable=false), whatever is done to them: random sequences of writes, deletions,
undeletions and new secrets of the same name, through the Tapis and the native door, and after each step a look through every
door. A value that was stored where it might not be read is never seen again."""

import json
import random
import unittest

from harness import quote
from tapis_case import SECRETS, TapisCase

SEEDS = range(8)
STEPS = 30


class Unreadable(TapisCase):
    config = '[[dapr.store]]\nname = "pods"\ntenant = "pods-tenant"\nspace = "tapis"\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.admin("tenants", "create", "pods-tenant")
        cls.server.admin("tenants", "open-door", "pods-tenant", "tapis", "dev")
        cls.admin = {"token": cls.token("root", "dev", "--role", "pods_admin"), "headers": {"x-pods-admin": "true"}}

    def tapis(self, method, path="", body=None, **more):
        return self.client.call(method, SECRETS + path, body, **(more or self.admin))

    def is_readable(self):
        shown = self.tapis("GET", f"/{self.name}")
        return shown.json["result"]["readable"] if shown.status == 200 else None

    def last_version(self):
        answer = self.server.request("GET", self.path + ":history")
        return max((v["version"] for v in answer.json["versions"]), default=0) if answer.status == 200 else 0

    def looks(self):
        """Every way to a value that somebody without `inject` has."""
        render = {"secret_map": {"A": "${secret:%s}" % self.name}, "environment_variables": {"E": "${pods:secrets:A}"},
                  "volume_mounts": {"/f": {"config_content": "${pods:secrets:A}"}}}
        for user in ("alice", "bob"):
            yield self.tapis("GET", f"/{self.name}/value", token=self.token(user))
            yield self.tapis("POST", "/render", render, token=self.token(user))
        for path in ("", f"/{self.name}", f"/{self.name}/value", f"/{self.name}/permissions"):
            yield self.tapis("GET", path)
        versions = range(1, self.last_version() + 1)
        for query in ("", *(f"?version={v}" for v in versions)):
            yield self.server.request("GET", self.path + query)
        tenant = self.path.split("/spaces/")[0]
        items = [{"space": "tapis", "name": self.name}, *({"space": "tapis", "name": self.name, "version": v} for v in versions)]
        yield self.server.request("POST", tenant + ":batchGet", {"secrets": items})
        yield self.server.request("POST", tenant + "/spaces/tapis:render", {k: v for k, v in render.items() if k != "volume_mounts"})
        for path in (self.path + ":history", self.path.rsplit("/", 1)[0]):
            yield self.server.request("GET", path)
        for path in ("/v1.0/secrets/pods/" + self.name, "/v1.0/secrets/pods/bulk"):
            yield self.server.request("GET", path, token=None)

    def step(self, rng):
        """One thing that is done; the value that it stored, if it stored one."""
        user = {"token": self.token(rng.choice(("alice", "bob")))}
        self.values += 1
        value = f"value-{self.name}-{self.values}-end"
        version = {"versions": [rng.randint(1, max(1, self.last_version()))]}
        kind = rng.choice(("make",) * 3 + ("change", "put", "delete", "undelete") * 2 + ("drop", "destroy", "share"))
        if self.is_readable() is None and rng.random() < 0.5:
            kind = "make"
        if kind == "make":
            body = {"secret_id": self.name, "secret_value": value, "readable": rng.random() < 0.5, "writable": rng.random() < 0.8}
            return value if self.tapis("POST", "", body, **user).status == 200 else None
        if kind == "change":
            return value if self.tapis("PUT", f"/{self.name}", {"secret_value": value}, **user).status == 200 else None
        if kind == "put":
            return value if self.server.request("PUT", self.path, {"value": value}).status == 200 else None
        if kind == "drop":
            self.tapis("DELETE", f"/{self.name}", **user)
        elif kind == "share":
            self.tapis("POST", f"/{self.name}/permissions", {"user": "bob", "level": "ADMIN"}, **user)
        elif kind == "delete":
            query = rng.choice(("", f"?versions={version['versions'][0]}"))
            self.server.request("DELETE", self.path + query)
        else:
            self.server.request("POST", f"{self.path}:{kind}", rng.choice(({}, version)) if kind == "undelete" else version)
        return None

    def test_a_value_that_might_not_be_read_is_never_seen(self):
        hidden, seen = set(), set()
        for seed in SEEDS:
            rng = random.Random(seed)
            self.name, self.values, done = f"unreadable-{seed}", 0, []
            self.path = self.server.path(self.name, self.tenant_of("dev"), "tapis")
            for _ in range(STEPS):
                value = self.step(rng)
                if value and self.is_readable() is False:
                    hidden.add(value)
                done.append((value, self.is_readable()))
                for answer in self.looks():
                    text = answer.body.decode(errors="replace")
                    shown = {one for one in hidden if one in text}
                    self.assertFalse(shown, f"seed {seed}, {done}: {answer}")
                    seen |= {one for one in [value] if one and one in text}
        # The sequences do both: they store what is hidden, and values that every look shows.
        self.assertGreater(len(hidden), 10, hidden)
        self.assertGreater(len(seen), 10)


if __name__ == "__main__":
    unittest.main()
