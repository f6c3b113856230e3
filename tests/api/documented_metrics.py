"""What docs/operations.md says of /metrics, for the tests that hold it against servers: which metrics there are, and which of
them move while something is done. Used by test_documented_metrics.py and tests/cluster/test_observation.py."""

import re

from harness import ROOT
from test_metrics import parse


def documented(part=None):
    """Names in the tables of docs/operations.md; `part`: those below the heading or sentence that begins so."""
    text = (ROOT / "docs/operations.md").read_text()
    text = text[text.index("## Metrics"):text.index("## Logs and traces")]
    if part:
        text = text[text.index(part):]
    names = set()
    for line in text.splitlines():
        if line.startswith("| `"):
            names |= set(re.findall(r"`(coffer_\w+)", line.split(" | ")[0]))
    return names


class Watch:
    """Looks at servers' metrics now and then; a metric moves when the values of its series are not always the same."""

    def __init__(self):
        self.seen = {}

    def look(self, *servers):
        for server in servers:
            answer = server.request("GET", "/metrics", token=None)
            assert answer.status == 200, answer
            series = {}
            for (name, labels), value in parse(answer.body.decode()).items():
                base = re.sub(r"_(bucket|sum|count)$", "", name) if name.startswith("coffer_request_seconds") else name
                if base == "coffer_request_seconds" and not name.endswith("_count"):
                    continue
                series.setdefault(base, {})[labels] = value
            for name, values in series.items():
                self.seen.setdefault(name, {}).setdefault(id(server), []).append(tuple(sorted(values.items())))

    @property
    def names(self):
        return set(self.seen)

    @property
    def moved(self):
        return {name for name, by_server in self.seen.items() if any(len(set(seen)) > 1 for seen in by_server.values())
                or len({seen for all_seen in by_server.values() for seen in all_seen}) > 1}
