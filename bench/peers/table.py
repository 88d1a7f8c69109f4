"""The figures as tables on a terminal."""

from __future__ import annotations

from typing import Any

Row = list[str]


def show(part: str, found: dict[str, Any]) -> str:
    """Return the tables of one part."""
    rows = {
        "speed": _speed,
        "faithful": _faithful,
        "distribution": _distribution,
        "profile": _profile,
    }[part](found)
    return f"\n{part}\n" + aligned(rows)


def aligned(rows: list[Row]) -> str:
    """Return rows whose cells stand below each other, the first left, others right."""
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    sizes = [max(len(row[column]) for row in rows) for column in range(width)]
    return "\n".join(
        "  " + "  ".join([row[0].ljust(sizes[0]), *map(str.rjust, row[1:], sizes[1:])]).rstrip()
        for row in rows
    )


def _speed(found: dict[str, Any]) -> list[Row]:
    heads = ("programs", "lines", "s ours", "per s", "s peer", "per s", "ratio", "median (IQR)")
    rows = [["", *heads]]
    for kind, one in found.items():
        mine, theirs = one["ours"], one.get("published", {})
        ratio = one.get("ratio") or {}
        rows.append(
            [
                kind,
                f"{one.get('programs that both refactored', one.get('refactored'))}",
                f"{one['lines']}",
                f"{mine['processor seconds']}",
                f"{mine['programs per second and core']}",
                f"{theirs.get('processor seconds', '-')}",
                f"{theirs.get('programs per second and core', '-')}",
                f"{ratio.get('of total times', '-')}",
                f"{ratio['median of programs']} ({ratio['first quartile']} to "
                f"{ratio['third quartile']})"
                if ratio
                else "-",
            ]
        )
    return rows + _failures(found, ("ours", "published"))


def _failures(found: dict[str, Any], sides: tuple[str, ...]) -> list[Row]:
    return [
        [f"{kind}, {side}: {count} x {reason}"]
        for kind, one in found.items()
        for side in sides
        for reason, count in one.get(side, {}).get("failures", {}).items()
    ]


def _faithful(found: dict[str, Any]) -> list[Row]:
    rows = [["", "programs", "refused", "states", "clean", "new messages"]]
    for name, kinds in found.items():
        if "same verdict" in kinds:
            continue
        for kind, one in kinds.items():
            share = one["share of states without a new message"]
            new = one["new messages by symbol"]
            rows.append(
                [
                    f"{name}, {kind}",
                    f"{one['programs']}",
                    f"{sum(one['refused'].values())}",
                    f"{one['states']}",
                    "-" if share is None else f"{share:.3%}",
                    ", ".join(f"{symbol} {count}" for symbol, count in new.items()) or "none",
                ]
            )
    return rows


def _distribution(found: dict[str, Any]) -> list[Row]:
    rows = [["", "sequences", "edits (median)", "lines an edit (median)", "last at", "last holds"]]
    tests = [["edits per program", "difference", "p perm.", "p paired", "KS", "p KS"]]
    for kind, one in found.items():
        for name, side in one.items():
            if name.startswith("tests"):
                tests += [
                    [f"{kind}: {pair}", *(f"{value}" for value in list(test.values())[1:])]
                    for pair, test in side.items()
                    if test
                ]
                continue
            edits, lines = side["edits per program"], side["lines per edit"]
            last = list(side["share of last edits with"].items())[:4]
            rows.append(
                [
                    f"{name}, {kind}",
                    f"{side['sequences']}",
                    f"{edits.get('mean', '-')} ({edits.get('50%', '-')})",
                    f"{lines.get('mean', '-')} ({lines.get('50%', '-')})",
                    f"{side['relative position of the last edit'].get('mean', '-')}",
                    ", ".join(f"{name} {share:.0%}" for name, share in last),
                ]
            )
    return [*rows, [""], *tests]


def _profile(found: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for kind in ("tasks", "library"):
        shares = list(found[kind]["share by module"].items())[:8]
        rows += [[f"{kind}: {module}", f"{share:.1%}"] for module, share in shares]
    for name in ("slope against lines", "slope against lines x edits"):
        if slope := found["growth"].get(name):
            rows.append([name, f"{slope['slope']}", f"r {slope['correlation']}"])
    return rows
