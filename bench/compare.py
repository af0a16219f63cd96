#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare two results of `make bench`: compare.py OLD.json NEW.json

Prints the rows that changed by more than the tolerance (default 10 %) and by
more than the samples of either file spread; exits with 1 if one got worse.
Ratios and bytes compare across machines; ns and us only on the same one.
"""
import argparse
import json
import sys


def load(name):
    try:
        with open(name) as f:
            data = json.load(f)
    except (OSError, ValueError) as e:
        sys.exit(f"{name}: {e}; it should be a bench.json of `make bench`")
    if data.get("format") != 1:
        sys.exit(f"{name}: not a bench.json of format 1")
    return data


def spread(row):
    """Half of the distance between the second lowest and second highest."""
    v = sorted(x for x in row["samples"] if x is not None)
    return (v[-2] - v[1]) / 2 if len(v) > 3 else 0


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("old")
    args.add_argument("new")
    args.add_argument("--tolerance", type=float, default=10, metavar="PERCENT")
    args = args.parse_args()
    old, new = load(args.old), load(args.new)

    same = old["machine"]["cpu"] == new["machine"]["cpu"]
    if not same:
        print("different processors: rows in ns and us are left out")
    if (old["quick"], old["pages"]) != (new["quick"], new["pages"]):
        print("different sizes (QUICK?): expect differences from that")

    before = {r["id"]: r for r in old["rows"]}
    worse = better = 0
    for r in new["rows"]:
        o = before.pop(r["id"], None)
        if o is None:
            print(f"new       {r['what'].strip()}")
            continue
        a, b = o["ours"], r["ours"]
        if not a or b is None or (r["unit"] in ("ns", "us") and not same):
            continue
        change = 100 * (b - a) / abs(a)
        if (abs(change) <= args.tolerance
                or abs(b - a) <= spread(o) + spread(r)):
            continue
        if r["better"] == "none" and r["unit"] not in ("ns", "B"):
            verdict = "changed"
        elif (change > 0) == (r["better"] == "higher"):
            verdict = "better"
            better += 1
        else:
            verdict = "WORSE"
            worse += 1
        print(f"{verdict:9} {r['what'].strip():48.48} "
              f"{a:.4g} -> {b:.4g} {r['unit']} ({change:+.0f} %)")
    for r in before.values():
        print(f"gone      {r['what'].strip()}")
    print(f"{worse} worse, {better} better")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
