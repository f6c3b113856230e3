#!/usr/bin/env python3
"""Tests of the tidy checks: each finds its planted violation, and stays silent on a tree that keeps the rule."""

import tempfile
import unittest
from pathlib import Path

import headers
import tidy


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def plant(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, check):
        return tidy.CHECKS[check](self.root)

    def assert_found(self, check, fragment):
        self.assertTrue(any(fragment in f for f in self.found(check)), self.found(check))

    def test_ladder_accepts_lower_rungs_and_the_own_room(self):
        self.plant("net/a.cpp", '#include "net/a.hpp"\n#include "model/ids.hpp"\n#include "actors/gateway.hpp"\n')
        self.plant("cluster/a.cpp", '#include "storage/engine.hpp"\n#include "coffer/store/v1/records.pb.h"\n')
        self.assertEqual(self.found("ladder"), [])

    def test_ladder_refuses_an_upward_include(self):
        self.plant("storage/a.cpp", '#include "cluster/message.hpp"\n')
        self.assert_found("ladder", "storage/a.cpp:1")

    def test_ladder_refuses_a_neighbour_on_the_same_rung(self):
        self.plant("crypto/a.cpp", '#include "storage/engine.hpp"\n')
        self.assert_found("ladder", "crypto must not include storage/engine.hpp")

    def test_ladder_refuses_protobuf_in_model(self):
        self.plant("model/a.cpp", '#include "coffer/v1/secrets.pb.h"\n')
        self.assert_found("ladder", "model/a.cpp:1")

    def test_ladder_shows_net_one_header_of_actors(self):
        self.plant("net/a.cpp", '#include "actors/shard.hpp"\n')
        self.assert_found("ladder", "net sees only actors/gateway.hpp")

    def test_libraries_stay_in_their_rooms(self):
        self.plant("actors/a.cpp", "#include <caf/all.hpp>\n#include <vector>\n#include <sys/stat.h>\n")
        self.plant("app/a.cpp", "#include <spdlog/spdlog.h>\n#include <grpcpp/grpcpp.h>\n")
        self.assertEqual(self.found("libraries"), [])
        for room, header, library in (("net", "caf/all.hpp", "CAF"), ("storage", "openssl/evp.h", "OpenSSL"),
                                      ("crypto", "leveldb/db.h", "LevelDB"), ("actors", "raft.h", "libraft"),
                                      ("cluster", "boost/asio.hpp", "Boost"), ("model", "google/protobuf/message.h", "protobuf"),
                                      ("model", "unistd.h", "std only"), ("net", "zmq/zmq.hpp", "no room owns")):
            self.plant(f"{room}/bad.cpp", f"#include <{header}>\n")
            self.assert_found("libraries", library)
            (self.root / room / "bad.cpp").unlink()

    def test_libraries_want_raft_in_one_header(self):
        self.plant("cluster/a.hpp", "#include <raft.h>\n")
        self.assertEqual(self.found("libraries"), [])
        self.plant("cluster/b.hpp", "#include <raft.h>\n")
        self.assert_found("libraries", "one header may")

    def test_length_refuses_a_giant(self):
        self.plant("net/a.cpp", "//\n" * 500)
        self.assertEqual(self.found("length"), [])
        self.plant("net/a.cpp", "//\n" * 501)
        self.assert_found("length", "501 lines")

    def test_secrets_are_compared_by_the_one_function(self):
        self.plant("crypto/a.cpp", "return equal_constant_time(mac, token.mac());\nif (kind == Kind::token) return;\n"
                   "if (token == nullptr || text.starts_with(kPrefix) || found == tokens_.end()) return;  // mac == mac\n"
                   "bool operator==(const Secret& a, const Secret& b);\nif (what != \"secret\") return;\n")
        self.plant("model/secret.cpp", "return mac == other_mac;\n")
        self.assertEqual(self.found("secrets"), [])
        for line in ("if (mac == expected) return;", "if (expected != token.mac()) return;", "return op->token_hash == hash;",
                     "if (std::memcmp(a, b, 32) == 0) return;", "return CRYPTO_memcmp(a, b, 32) == 0;", "return given.expose() == known.expose();",
                     "return key.bytes().compare(other) == 0;", "if (std::equal(mac.begin(), mac.end(), other.begin())) return;",
                     "if (hash == crypto::sha256(x) && slot.id_hash == claims.id_hash) return;", "if (passphrase.starts_with(given)) return;"):
            self.plant("crypto/b.cpp", line + "\n")
            self.assert_found("secrets", "crypto/b.cpp:1")

    def test_words_refuse_unfinished_code_and_let_grpc_name_its_types(self):
        self.plant("app/a.cpp", "auto stub = Secrets::NewStub(channel);\n")
        self.assertEqual(self.found("words"), [])
        for line in ("int x;  // TODO: later", "// a stub until then", "// fine for now", "# FIXME"):
            self.plant("app/b.cpp", line + "\n")
            self.assert_found("words", "app/b.cpp:1")

    def test_places_refuse_paths_and_registries(self):
        self.plant("a.md", "see /etc/os-release and http://127.0.0.1/\n")
        self.assertEqual(self.found("places"), [])
        for line in ("/".join(("", "work", "main")), "http://deb." + "debian.org/x", "https://registry." + "npmjs.org/a",
                     "/".join(("", "home", "somebody", "x"))):
            self.plant("b.md", line + "\n")
            self.assert_found("places", "b.md:1")

    def test_opening_wants_a_comment_first(self):
        self.plant("net/a.hpp", "#pragma once\n// What it is.\n#include <string>\n")
        self.plant("tests/a.py", '#!/usr/bin/env python3\n"""What it is."""\n')
        self.assertEqual(self.found("opening"), [])
        self.plant("net/b.hpp", "#pragma once\n#include <string>\n")
        self.assert_found("opening", "net/b.hpp")

    def test_map_matches_the_tree(self):
        for name in ("README.md", "CHANGELOG.md"):
            self.plant(name, "[design](ARCHITECTURE.md)\n")
        self.plant("net/a.hpp", "")
        self.plant("ARCHITECTURE.md", "| 4 | `net/` | listeners |\n")
        self.assertEqual(self.found("map"), [])
        self.plant("storage/a.hpp", "")
        self.assert_found("map", "lacks `storage/`")
        self.plant("ARCHITECTURE.md", "| 4 | `net/` | x |\n| 1 | `storage/` | x |\n| 1 | `disk/` | x |\n")
        self.assert_found("map", "names `disk/`")
        self.plant("README.md", "[gone](docs/gone.md) and `net/gone.hpp`\n")
        self.assert_found("map", "docs/gone.md")
        self.assert_found("map", "net/gone.hpp")

    def test_headers_find_one_that_needs_another_before_it(self):
        self.plant("net/good.hpp", "#pragma once\n#include <string>\ninline std::string a() { return {}; }\n")
        self.plant("net/bad.hpp", "#pragma once\ninline std::string b() { return {}; }\n")
        results = headers.compile_all(self.root, "g++", self.root, 2)
        self.assertEqual([name for name, error in results if error], ["net/bad.hpp"])


if __name__ == "__main__":
    unittest.main()
