#!/usr/bin/env python3
"""deploy/ without a container runtime: every option of a `coffer` command in it exists, every setting of its configuration
does, and the addresses that nodes name fit together."""

import re
import shlex
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from harness import BINARY, ROOT, skip  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

FILES = [ROOT / "deploy/compose/compose.yaml", ROOT / "deploy/kubernetes/coffer.yaml"]
COMMANDS = ["server", "admin init", "admin cluster join-token"]


def help_of(command):
    return subprocess.run([BINARY, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout


class Deploy(unittest.TestCase):
    def test_every_option_exists(self):
        known = {command: set(re.findall(r"--[a-z][a-z-]*", help_of(command))) for command in COMMANDS}
        seen = set()
        for path in FILES:
            # A command may go on over lines, up to what a shell or YAML ends it with.
            text = re.sub(r"\s*\n\s*", " ", re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.M))
            for command in COMMANDS:
                for match in re.finditer(rf"coffer {command} ([^;|&>]*?)(?=[;|&>]| ports:|$)", text):
                    for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", " " + match[1]):
                        self.assertIn(option, known[command], f"{path.name}: coffer {command}")
                        seen.add(option)
        self.assertLessEqual({"--peer", "--advertise", "--join", "--token-file", "--config"}, seen)

    def test_every_setting_exists(self):
        text = (ROOT / "deploy/kubernetes/coffer.yaml").read_text()
        block = re.search(r"coffer\.toml: \|\n((?:    .*\n)+)", text)[1]
        settings = tomllib.loads(re.sub(r"^    ", "", block, flags=re.M))
        example = (ROOT / "app/coffer.example.toml").read_text()

        def check(table, name):
            for key, value in table.items():
                if isinstance(value, dict):
                    self.assertRegex(example, rf"(?m)^#?\[{re.escape((name + '.' + key).strip('.'))}\]")
                    check(value, f"{name}.{key}".strip("."))
                else:
                    self.assertRegex(example, rf"(?m)^#?{key} = ", f"{name}.{key}")
        check(settings, "")

    def test_nodes_join_where_the_first_one_is_reached(self):
        for path in FILES:
            text = path.read_text()
            joined = set(re.findall(r"--join (\S+)", text))
            self.assertEqual(len(joined), 1)
            host, port = joined.pop().rsplit(":", 1)
            self.assertIn(f":{port}", "".join(re.findall(r"--peer (\S+)|address = \"(\S+7783)\"", text)[0]))
            self.assertIn(host.split(".")[0].rsplit("-", 1)[0], text)

    def test_what_kubernetes_is_told(self):
        objects = list(yaml.safe_load_all(FILES[1].read_text()))
        kinds = {(o["kind"], o["metadata"]["name"]): o for o in objects}
        self.assertEqual(len(kinds), len(objects))
        stateful, labels = kinds["StatefulSet", "coffer"]["spec"], {"app": "coffer"}
        pod = stateful["template"]["spec"]
        (container,) = pod["containers"]
        # One after another (each new one needs a token of its own), to three; one at a time may be away.
        self.assertEqual((stateful["replicas"], stateful.get("podManagementPolicy", "OrderedReady")), (1, "OrderedReady"))
        budget = kinds["PodDisruptionBudget", "coffer"]["spec"]
        self.assertEqual(budget, {"maxUnavailable": 1, "selector": {"matchLabels": labels}})
        for selected in (stateful["selector"]["matchLabels"], stateful["template"]["metadata"]["labels"], *(
                o["spec"]["selector"] for o in objects if o["kind"] == "Service")):
            self.assertEqual(selected, labels)
        peers = kinds["Service", stateful["serviceName"]]["spec"]
        self.assertEqual((peers["clusterIP"], peers["publishNotReadyAddresses"]), ("None", True))
        # Probes: alive is not ready, and a long recovery is no death.
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            self.assertEqual(container[probe]["httpGet"], {"path": path, "port": 7780, "scheme": "HTTPS"}, probe)
        self.assertGreaterEqual(container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"], 300)
        self.assertGreaterEqual(container["livenessProbe"]["periodSeconds"] * container["livenessProbe"]["failureThreshold"], 60)
        self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], 60)
        # Rights.
        self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                        "capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]}})
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertNotIn(0, [pod["securityContext"][who] for who in ("runAsUser", "runAsGroup", "fsGroup")])
        for word in ("privileged", "hostNetwork", "hostPID", "hostIPC", "hostPath"):
            self.assertNotIn(word, FILES[1].read_text())
        # Every mount has its volume; keys are nobody else's to read, and in memory.
        volumes = {v["name"]: v for v in pod["volumes"] + [{"name": c["metadata"]["name"]} for c in stateful["volumeClaimTemplates"]]}
        self.assertEqual({m["name"] for m in container["volumeMounts"]}, set(volumes))
        self.assertEqual(volumes["seal"]["secret"]["defaultMode"], 0o400)
        self.assertEqual(volumes["run"]["emptyDir"], {"medium": "Memory"})
        self.check_shell(container["args"][0])

    def test_what_compose_is_told(self):
        compose = yaml.safe_load(FILES[0].read_text())
        services = compose["services"]
        self.assertEqual(list(services), ["node-1", "node-2", "node-3"])
        ports = [port for service in services.values() for port in service["ports"]]
        self.assertEqual(len({port.rsplit(":", 1)[0] for port in ports}), len(ports), "two nodes want one port")
        for name, service in services.items():
            self.assertTrue(all(port.startswith("127.0.0.1:") for port in service["ports"]), "it has no TLS towards clients")
            self.assertFalse({"privileged", "network_mode", "pid", "cap_add"} & set(service), name)
            self.assertEqual(service["volumes"], ["data:/data"])
            self.assertEqual((service["image"], service["entrypoint"]), ("coffer:local", ["/bin/sh", "-c"]))
            (command,) = service["command"]
            self.assertIn(f"--data /data/{name} ", command)
            self.check_shell(command)
        self.assertIn("data", compose["volumes"])
        for before, after in (("node-1", "node-2"), ("node-2", "node-3")):
            self.assertEqual(services[after]["depends_on"], {before: {"condition": "service_healthy"}})
            self.assertIn("/readyz", services[before]["healthcheck"]["test"][1])

    def check_shell(self, text):
        """It is shell, and it ends by becoming the server, so that signals reach that one."""
        subprocess.run(["sh", "-n", "-c", text], check=True)
        self.assertEqual(shlex.split(re.split(r"[;\n]", text.strip())[-1])[:3], ["exec", "coffer", "server"])


if __name__ == "__main__":
    if not yaml:
        skip("python3-yaml is not installed; ./dev test installs it")
    unittest.main(verbosity=2)
