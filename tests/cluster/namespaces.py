"""Each node in a network namespace of its own, joined by a bridge on this machine: links can be cut, both ways or one way,
without touching the processes. Needs root and `ip` (iproute2); permitted() says whether it works here."""

import os
import subprocess

PREFIX = "cfr"


def ip(*arguments, check=True):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


def permitted():
    """None, or why namespaces cannot be used."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        probe = f"{PREFIX}p{os.getpid()}"
        if ip("netns", "add", probe, check=False).returncode != 0:
            return "this machine permits no network namespaces"
        works = ip("netns", "exec", probe, "true", check=False).returncode == 0
        ip("netns", "del", probe, check=False)
        return None if works else "this machine cannot run programs in network namespaces"
    except FileNotFoundError:
        return "`ip` (iproute2) is not installed"


class Network:
    """Namespaces 1..size with the addresses 10.213.<x>.<number>, and the machine itself as .254, where the clients are."""

    def __init__(self, size=5):
        # Several runs at once: the process's id chooses names and subnet.
        self.tag = f"{PREFIX}{os.getpid() % 100000}"
        self.subnet = f"10.213.{os.getpid() % 250}"
        self.bridge = f"{self.tag}b"
        self.numbers = range(1, size + 1)
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.subnet}.254/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for n in self.numbers:
            space, outside = self.space(n), self.outside(n)
            ip("netns", "add", space)
            ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", outside, "master", self.bridge, "up")
            ip("-n", space, "addr", "add", f"{self.address(n)}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", "eth0", "up")

    def space(self, n):
        return f"{self.tag}n{n}"

    def outside(self, n):
        return f"{self.tag}v{n}"

    def address(self, n):
        return f"{self.subnet}.{n}"

    def prefix(self, n):
        """What starts a program in the namespace; it becomes the program by exec, so signals reach it."""
        return ["ip", "netns", "exec", self.space(n)]

    def cut_one_way(self, sender, receiver):
        """Nothing from `sender` reaches `receiver` any more; the other way is open."""
        ip("-n", self.space(sender), "route", "add", "blackhole", f"{self.address(receiver)}/32")

    def cut(self, a, b):
        self.cut_one_way(a, b)
        self.cut_one_way(b, a)

    def isolate(self, n):
        """From the other nodes; clients still reach it."""
        for other in self.numbers:
            if other != n:
                self.cut(n, other)

    def heal(self):
        for a in self.numbers:
            for b in self.numbers:
                ip("-n", self.space(a), "route", "del", "blackhole", f"{self.address(b)}/32", check=False)

    def close(self):
        for n in self.numbers:
            ip("netns", "del", self.space(n), check=False)
            ip("link", "del", self.outside(n), check=False)
        ip("link", "del", self.bridge, check=False)
