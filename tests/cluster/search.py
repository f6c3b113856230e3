"""A second opinion on a history: Wing and Gong's search for an order of effects that explains every answer.

history.py's check knows the order of the writes from their versions and looks whether real time agrees. This search takes
no order for granted: it tries every one that real time permits on one copy of the key, a value and the number of writes so
far, and goes on only where the answers are that copy's. What a write without an answer did (nothing, or something at
any time from its begin on) is one of the things that it tries. What makes that affordable changes no verdict:

- a history is cut where nothing is under way; what the copy may be there is carried over the cut
- writes without an answer whose values nobody saw are all alike once they have begun: how many took effect is enough, and one
  that compares is possible only while its version is current, so whether it was used need not be known either
- a write without an answer whose value was seen took effect before the end of the first read that saw it
- a state is looked at once
"""

from dataclasses import replace

from history import NEVER, check_key, grouped

LIMIT = 200_000                 # states of one window; more are given up
UNSEEN = object()               # the value of a write that nobody saw


def explains(operations, limit=LIMIT):
    """(verdict, windows, where): verdict True, False, or None where a window has too many states; `where` tells of the one that
    decided. For one key."""
    fixed, floating = constrain(operations)
    windows = cut(fixed)
    most = ceilings(windows)
    states = {(None, 0, 0)}     # value, number of writes, how many of them are of floating ones that compare nothing
    for number, window in enumerate(windows):
        states = pass_window(window, states, floating, most[number], limit)
        if states is None:
            return None, number, describe(window)
        if not states:
            return False, number + 1, describe(window)
    return True, len(windows), ""


def constrain(operations):
    """Those that have a place in the order, by begin, and the writes that may be anywhere or nowhere: their begins, and
    {version that is compared: earliest begin}."""
    first_seen = {}
    for o in operations:
        if o.kind == "get" and o.ok:
            first_seen[o.value] = min(o.end, first_seen.get(o.value, NEVER))
    fixed, plain, comparing = [], [], {}
    for o in operations:
        unknown = o.kind == "put" and o.end == NEVER
        if unknown and o.value in first_seen:
            fixed.append(replace(o, end=max(o.begin, first_seen[o.value]), version=None, error=""))
        elif unknown and o.cas is None:
            plain.append(o.begin)
        elif unknown:
            comparing[o.cas] = min(o.begin, comparing.get(o.cas, NEVER))
        elif o.ok or was_refused_by_comparison(o):
            fixed.append(o)
    return sorted(fixed, key=lambda o: (o.begin, o.end)), (sorted(plain), comparing)


def was_refused_by_comparison(o):
    return o.kind == "put" and not o.ok and o.end != NEVER and o.error == "cas" and o.cas is not None


def cut(fixed):
    windows, last_end = [], -NEVER
    for o in fixed:
        if o.begin > last_end:
            windows.append([])
        windows[-1].append(o)
        last_end = max(last_end, o.end)
    return windows


def ceiling(o):
    """Writes are only added: before this operation there can be no more than so many."""
    if not o.ok or o.version is None:
        return NEVER
    return o.version - 1 if o.kind == "put" else o.version


def ceilings(windows):
    """For each window, how many writes there can be at its end at the most, by what comes later."""
    most, lowest = [], NEVER
    for window in reversed(windows):
        most.append(lowest)
        lowest = min([lowest] + [ceiling(o) for o in window])
    return most[::-1]


def pass_window(window, states, floating, most_after, limit):
    """What the copy may be behind the window; empty: nothing explains it; None: too many states."""
    whole, most_from = len(window), [most_after]
    for o in reversed(window):
        most_from.insert(0, min(most_from[0], ceiling(o)))
    stack = [(0, 0, *state) for state in states]        # the first that is not done, those behind it that are (bits), the copy
    seen, behind = set(stack), set()
    while stack:
        state = stack.pop()
        if state[0] == whole:
            behind.add(state[2:])
            continue
        for after in steps(window, state, floating, most_from):
            if after not in seen:
                seen.add(after)
                stack.append(after)
        if len(seen) > limit:
            return None
    return behind


def steps(window, state, floating, most_from):
    """The states one effect further."""
    first, done, value, version, used = state
    least_end, most, further, i = NEVER, NEVER, [], first
    while i < len(window) and window[i].begin <= least_end:
        if not done >> (i - first) & 1:
            least_end, most = min(least_end, window[i].end), min(most, ceiling(window[i]))
            effect = apply(window[i], value, version)
            if effect:
                further.append((*advance(first, done, i), *effect, used))
        i += 1
    if version > min(most, most_from[i]):
        return []
    plain, comparing = floating
    if used < len(plain) and plain[used] <= least_end:
        further.append((first, done, UNSEEN, version + 1, used + 1))
    if comparing.get(version, NEVER) <= least_end:
        further.append((first, done, UNSEEN, version + 1, used))
    return further


def apply(o, value, version):
    """(value, number of writes) after it; None when its answer is not this copy's."""
    if o.kind == "get":
        fits = value is None if o.version == 0 else o.value == value and o.version in (None, version)
        return (value, version) if fits else None
    if was_refused_by_comparison(o):
        return (value, version) if o.cas != version else None
    if o.cas is not None and o.cas != version:
        return None
    if o.ok and o.version != version + 1:
        return None
    return o.value, version + 1


def advance(first, done, i):
    """`i` is done, too: the first that is not, and the bits behind it."""
    done |= 1 << (i - first)
    while done & 1:
        done >>= 1
        first += 1
    return first, done


def describe(window, most=12):
    told = [f"{o.client} {o.kind} {o.value!r} {o.begin:.3f}-{o.end:.3f} version {o.version} cas {o.cas} {o.error}".strip() for o in window[:most]]
    return f"{len(window)} operations from {window[0].begin:.3f} to {max(o.end for o in window):.3f}: " + "; ".join(told)


def judge(operations, final=None, limit=LIMIT):
    """What both find, as sentences, and {what: how many were judged by the search}. The check is not sharp where a comparison was
    refused or a read told no version; whatever it finds the search must find, too."""
    found = []
    counts = {"keys judged by a search": 0, "windows judged by a search": 0, "keys too wide for a search": 0}
    for key, those in grouped(operations):
        by_check = check_key(those)
        found += [f"{key}: {sentence}" for sentence in (by_check if final is None else check_key(those, final.get(key, 0)))]
        verdict, windows, where = explains(those, limit)
        counts["windows judged by a search"] += windows
        counts["keys too wide for a search" if verdict is None else "keys judged by a search"] += 1
        if verdict is False:
            found.append(f"{key}: no order of effects explains {where}{'' if by_check else ', and the check found nothing'}")
        elif verdict and by_check:
            found.append(f"{key}: the search found an order of effects and the check finds {by_check[0]!r}: one of them is wrong")
    return found, counts
