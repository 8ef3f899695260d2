"""Reads `cargo metadata` on standard input and compares it with deny.toml: licences, sources, and crates in several versions.

usage: dependencies_check.py DENY_TOML
"""

import json
import re
import sys
import tomllib
from collections import defaultdict


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be satisfied with the allowed licences. `/` is an old way to write OR."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def choice():
        result = both()
        while words and words[0] == "OR":
            words.pop(0)
            result = both() or result
        return result

    def both():
        result = one()
        while words and words[0] == "AND":
            words.pop(0)
            result = one() and result
        return result

    def one():
        word = words.pop(0)
        if word == "(":
            result = choice()
            assert words.pop(0) == ")", expression
            return result
        if words and words[0] == "WITH":
            # An exception only allows more.
            del words[:2]
        return word in allowed

    result = choice()
    assert not words, expression
    return result


def main():
    with open(sys.argv[1], "rb") as file:
        deny = tomllib.load(file)
    allowed = set(deny["licenses"]["allow"])
    assert is_allowed("GPL-3.0 OR (MIT AND ISC)", {"MIT", "ISC"}) and not is_allowed("MIT AND GPL-3.0", {"MIT"})
    skipped = {entry["crate"] for entry in deny["bans"]["skip"]}
    packages = json.load(sys.stdin)["packages"]
    problems, versions, checks = [], defaultdict(set), 0
    for package in packages:
        name, source = package["name"], package["source"]
        versions[name].add(package["version"])
        if source is None:
            continue
        checks += 2
        if not source.startswith("registry+https://github.com/rust-lang/crates.io-index"):
            problems.append(f"{name} comes from {source}")
        if not is_allowed(package["license"] or "none", allowed):
            problems.append(f"{name} has the licence {package['license']}: see [licenses] in deny.toml")
    several = {name for name, found in versions.items() if len(found) > 1}
    checks += len(several | skipped)
    for name in sorted(several - skipped):
        problems.append(f"{name} is built in the versions {', '.join(sorted(versions[name]))}: see [bans] in deny.toml")
    for name in sorted(skipped - several):
        problems.append(f"{name} is built in one version only: remove it from [bans] in deny.toml")
    if problems:
        sys.exit("\n".join(problems))
    print(checks)


main()
