"""What clients did and saw, and whether one copy of each secret could have behaved so: a linearizability check.

Every write is answered with a version that is one higher than the one before it, and every value is written once. So
the order of a key's writes is known from their versions, and a history is linearizable exactly when that order agrees
with real time, which one sweep over it shows. Writes whose outcome nobody knows take part when somebody saw their
value; `search()` is a second opinion for small histories, which knows nothing of versions.
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
    by_key = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    found = []
    for key, those in sorted(by_key.items()):
        found += [f"{key}: {sentence}" for sentence in check_key(those, None if final is None else final.get(key, 0))]
    return found


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
            if o.cas is not None and o.version != o.cas + 1:
                found.append(f"a put that wanted version {o.cas} to be current made version {o.version} ({o.client})")
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

    found += refused_wrongly(operations, version_of)

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


def search(operations, limit=200_000):
    """Wing and Gong's search over one key: is there any order of effects that explains the answers? None: too many states.

    It believes no version: a put replaces the value, a put with cas compares the number of writes before it.
    """
    operations = [o for o in operations if o.ok or (o.kind == "put" and o.end == NEVER)]
    count = len(operations)
    start = (frozenset(), None, 0)
    seen, stack = {start}, [start]
    while stack:
        done, value, version = stack.pop()
        if all(i in done for i in range(count) if operations[i].end != NEVER):
            return True
        if len(seen) > limit:
            return None
        least_end = min((operations[i].end for i in range(count) if i not in done), default=NEVER)
        for i in range(count):
            o = operations[i]
            if i in done or o.begin > least_end:
                continue
            if o.kind == "get":
                if (o.value if o.version else None) != value:
                    continue
                state = (done | {i}, value, version)
            else:
                if o.cas is not None and o.cas != version:
                    continue
                state = (done | {i}, o.value, version + 1)
            if state not in seen:
                seen.add(state)
                stack.append(state)
    return False
