"""What clients did and saw, and whether one copy of each secret could have behaved so: a linearizability check.

Every write is answered with a version that is one higher than the one before it, and every value is written once. So
the order of a key's writes is known from their versions, and a history is linearizable exactly when that order agrees
with real time, which one sweep over it shows. Writes whose outcome nobody knows take part when somebody saw their
value, or when a version was made that nobody else can have made. search.py is a second opinion.
"""

import heapq
import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import Optional

NEVER = float("inf")


@dataclass
class Operation:
    client: str
    kind: str                        # put, get
    key: str
    begin: float
    end: float = NEVER               # NEVER: no answer, the outcome is unknown
    ok: bool = False                 # it took effect, or it read; False with an end: it surely did not
    value: Optional[str] = None      # written, or read; None: there was nothing to read
    version: Optional[int] = 0       # of it; 0: nothing was there; None: a read by a door that tells no version
    cas: Optional[int] = None        # a put that wanted this version to be the current one
    door: str = ""
    error: str = ""


class Recorder:
    """Collects operations of many threads."""

    def __init__(self):
        self.operations = []
        self.lock = threading.Lock()

    def begin(self, client, kind, key, value=None, cas=None, door=""):
        operation = Operation(client, kind, key, time.monotonic(), value=value, cas=cas, door=door)
        with self.lock:
            self.operations.append(operation)
        return operation

    @staticmethod
    def took_effect(operation, version, value=None):
        operation.version = version
        if operation.kind == "get":
            operation.value = value
        operation.ok = True
        operation.end = time.monotonic()

    @staticmethod
    def refused(operation, why):
        """It certainly changed nothing."""
        operation.error = why
        operation.end = time.monotonic()

    @staticmethod
    def unknown(operation, why):
        operation.error = why

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for operation in self.operations:
                out.write(json.dumps(asdict(operation)) + "\n")


def check(operations, final=None):
    """The violations of a history, as sentences; none when it is linearizable.

    `final`: key -> version that was read at the end, by a read after everything else.
    """
    found = []
    for key, those in grouped(operations):
        found += [f"{key}: {sentence}" for sentence in check_key(those, None if final is None else final.get(key, 0))]
    return found


def grouped(operations):
    """[(key, its operations)]"""
    by_key = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    return sorted(by_key.items())


def with_versions(operations):
    """Reads without a version get that of their value. Left out are those of values whose version nobody was ever told."""
    versions = {o.value: o.version for o in operations if o.ok and o.version}
    whole = [replace(o, version=versions.get(o.value)) if o.version is None else o for o in operations]
    return [o for o in whole if o.version is not None], [o for o in whole if o.version is None]


def check_key(operations, final=None):
    found = []
    operations, unplaced = with_versions(operations)
    writers = {}                              # value -> put
    for o in operations:
        if o.kind == "put":
            if o.value in writers:
                found.append(f"the history itself is wrong: {o.value!r} is written twice")
            writers[o.value] = o

    value_of = {}                             # version -> value
    version_of = {}                           # value -> version

    def learn(version, value, who):
        if value_of.setdefault(version, value) != value:
            found.append(f"version {version} has two values, {value_of[version]!r} and {value!r} ({who})")
        if version_of.setdefault(value, version) != version:
            found.append(f"{value!r} has two versions, {version_of[value]} and {version} ({who}): it was applied twice")

    for o in operations + unplaced:
        if not o.ok:
            continue
        if o.kind == "put":
            learn(o.version, o.value, o.client)
        elif o.version != 0:
            put = writers.get(o.value)
            if put is None:
                found.append(f"{o.value!r} was read and never written ({o.client})")
            elif put.begin > o.end:
                found.append(f"{o.value!r} was read before it was written ({o.client})")
            elif put.end != NEVER and not put.ok:
                found.append(f"{o.value!r} was read though its write was refused: {put.error} ({o.client})")
            if o.version:
                learn(o.version, o.value, o.client)

    for o in operations:
        made = version_of.get(o.value) if o.kind == "put" else None
        if made is not None and o.cas is not None and made != o.cas + 1:
            found.append(f"a put that wanted version {o.cas} to be current made version {made} ({o.client})")
    found += refused_wrongly(operations, version_of)
    found += made_by_nobody(operations, version_of)

    # Everything whose place in the order of versions is known; a put with an unknown outcome may take effect any time.
    placed = []
    for o in operations:
        if o.ok:
            placed.append((o.begin, o.end, o.version, o.kind == "put", o.client))
        elif o.kind == "put" and o.end == NEVER and o.value in version_of:
            placed.append((o.begin, NEVER, version_of[o.value], True, o.client))
    placed.sort(key=lambda p: (p[0], p[1]))
    ended, newest = [], (0, "nobody")
    for begin, end, version, is_put, client in placed:
        while ended and ended[0][0] < begin:
            newest = max(newest, heapq.heappop(ended)[1:])
        if version < newest[0] or (is_put and version == newest[0]):
            what = "wrote" if is_put else "read"
            found.append(f"{client} {what} version {version} after {newest[1]} was done with version {newest[0]}")
        heapq.heappush(ended, (end, version, client))
    if final is not None:
        highest = max([o.version for o in operations if o.ok] + [0])
        if final < highest:
            found.append(f"version {highest} was acknowledged or read, and at the end there is version {final}")
    return found


def refused_wrongly(operations, version_of):
    """Puts that compared and were refused, though nothing else than the version that they wanted can have been current."""
    found = []
    puts = [o for o in operations if o.kind == "put" and (o.ok or o.end == NEVER)]
    for o in operations:
        if o.kind != "put" or o.error != "cas" or o.ok or o.end == NEVER or o.cas is None:
            continue
        before = max([p.version for p in operations if p.ok and p.end < o.begin] + [0])
        others = [p for p in puts if p.begin < o.end]
        if before == o.cas and all((p.version if p.ok else version_of.get(p.value, NEVER)) <= o.cas for p in others):
            found.append(f"a put that wanted version {o.cas} to be current was refused while it was ({o.client})")
    return found


def made_by_nobody(operations, version_of):
    """Versions for which there is no write: one took effect twice. Each can be that of a write which had begun before anybody
    knew of this or a later version, and of which nobody knows the outcome."""
    told = sorted((o.version, o.end) for o in operations if o.ok and o.version)
    known, plain, comparing = set(version_of.values()), [], {}
    for o in operations:
        if o.kind == "put" and o.end == NEVER and o.value not in version_of:
            if o.cas is None:
                plain.append(o.begin)
            else:
                comparing[o.cas] = min(o.begin, comparing.get(o.cas, NEVER))
    plain.sort(reverse=True)
    latest = {}                               # version that is missing -> when it was there at the latest
    least, highest = NEVER, told[-1][0] if told else 0
    for version in range(highest, 0, -1):
        while told and told[-1][0] >= version:
            least = min(least, told.pop()[1])
        if version not in known:
            latest[version] = least
    found = []
    for version, end in sorted(latest.items()):
        if comparing.get(version - 1, NEVER) <= end:
            continue
        if plain and plain[-1] <= end:
            plain.pop()
        else:
            found.append(f"version {version} was made by nobody")
    return found
