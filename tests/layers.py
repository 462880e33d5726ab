#!/usr/bin/env python3
"""Checks that the house keeps its floors: who may include whom, and which library appears where.

    layers.py [ROOT]       checks the tree; prints each violation as file:line and exits 1 if there is one
    layers.py --self-test  plants violations in a scratch tree and checks that each is found
"""

import re
import sys
import tempfile
from pathlib import Path

# The floors, bottom up. A file includes its own folder and those of lower floors, never a neighbour.
FLOORS = [
    {"crypto"},
    {"domain"},
    {"config"},
    {"storage", "net"},
    {"account", "coordination"},
    {"replication"},
    {"actors"},
    {"api"},
    {"playground"},
    {"bench"},
    {"main.cpp"},
]

# Beyond the floors: pairs (folder, what it must not include all the same), each with its reason.
APART = {
    ("account", "net"),  # an account decides what is sent; only actors bring it and the network together
    ("coordination", "storage"),  # the cluster's configuration is in etcd, never in a node's store
}

# Build folders and what a running node leaves behind.
NOT_OURS = {"build", "var", "node_modules"}

# These include what they like, and what stands beside a file without its folder.
FREE = {"tests"}

LEVEL = {folder: level for level, folders in enumerate(FLOORS) for folder in folders}

# Library, the headers that mean it, the folders where it may appear beside tests.
LIBRARIES = [
    ("CAF", re.compile(r"caf/"), {"actors", "api", "config"}),
    ("LMDB", re.compile(r"lmdb\.h$"), {"storage"}),
    ("sockets", re.compile(r"(boost/(asio|beast)\b|ares\.h$|sys/(socket|un)\.h$|netinet/|netdb\.h$)"),
     {"net", "coordination", "api", "playground", "bench"}),
]

# Each with its reason.
EXCEPTIONS = {
    # systemd's protocol is one datagram to a local socket; the network is not involved.
    ("config/systemd_notify.cpp", "sockets"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root):
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in NOT_OURS:
            continue
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in found if p.suffix in {".cpp", ".hpp"} and p.is_file())


def may_include(home, target):
    return home == target or (LEVEL[target] < LEVEL[home] and (home, target) not in APART)


def violations(root):
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        home = name.split("/")[0]
        if home not in LEVEL and home not in FREE:
            yield f"{name}:1: {home} has no floor: add it to the list in tests/layers.py"
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, header = match[1] == '"', match[2]
            where = f"{name}:{number}: "
            # A name without its folder, or "../net/x.hpp", would get past the rule.
            beside = quoted and not (root / header).exists() and (path.parent / header).exists()
            if home not in FREE and (beside or header.startswith(".") or "/../" in header):
                yield f"{where}include \"{header}\" relative to the root"
                continue
            target = header.split("/")[0]
            ours = home in LEVEL and target in LEVEL and (root / header).exists()
            if ours and not may_include(home, target):
                yield f"{where}{home} may not include {target} (\"{header}\")"
            for library, pattern, folders in LIBRARIES:
                if pattern.match(header) and home not in folders | FREE and (name, library) not in EXCEPTIONS:
                    yield f"{where}{library} (<{header}>) belongs in {', '.join(sorted(folders))} only"


def self_test():
    headers = ["crypto/a.hpp", "domain/a.hpp", "config/a.hpp", "storage/a.hpp", "net/a.hpp", "actors/a.hpp",
               "account/a.hpp", "coordination/a.hpp", "api/a.hpp", "playground/a.hpp"]
    good = [("domain/b.cpp", '"crypto/a.hpp"'), ("storage/b.cpp", "<lmdb.h>"),
            ("net/b.hpp", '"domain/a.hpp"'),
            ("storage/b.cpp", '"config/a.hpp"'), ("api/b.cpp", "<caf/all.hpp>"), ("main.cpp", '"api/a.hpp"'),
            ("net/deep/b.cpp", "<boost/asio/post.hpp>"), ("tests/unit/b.cpp", '"api/a.hpp"'),
            ("config/systemd_notify.cpp", "<sys/socket.h>"), ("account/b.cpp", '"storage/a.hpp"'),
            ("domain/b.cpp", "<boost/url.hpp>"), ("coordination/b.cpp", '"net/a.hpp"'),
            ("coordination/b.cpp", "<boost/beast/http.hpp>"), ("actors/b.cpp", '"coordination/a.hpp"')]
    bad = [("crypto/b.cpp", '"domain/a.hpp"'), ("domain/dialects/b.hpp", '"config/a.hpp"'),
           ("storage/b.cpp", '"net/a.hpp"'), ("net/b.cpp", '"storage/a.hpp"'),
           ("config/b.cpp", '"net/a.hpp"'),
           ("actors/b.cpp", '"api/a.hpp"'), ("api/b.hpp", "<playground/a.hpp>"),
           ("domain/b.hpp", "<caf/all.hpp>"),
           ("net/b.cpp", '"caf/actor.hpp"'), ("actors/b.cpp", "<lmdb.h>"),
           ("actors/b.cpp", "<boost/beast/http.hpp>"),
           ("storage/b.cpp", "<sys/socket.h>"), ("config/b.cpp", "  <sys/socket.h>"),
           ("net/b.cpp", '"a.hpp"'),
           ("domain/b.cpp", '"../net/a.hpp"'), ("main.cpp", "<caf/all.hpp>"),
           ("account/b.cpp", '"net/a.hpp"'), ("misc/b.cpp", "<vector>"),
           ("coordination/b.cpp", '"storage/a.hpp"'), ("coordination/b.cpp", '"account/a.hpp"'),
           ("account/b.cpp", '"coordination/a.hpp"'), ("net/b.cpp", '"coordination/a.hpp"')]
    failed = []
    for planted, (name, header) in [(False, g) for g in good] + [(True, b) for b in bad]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, line in [(h, "#pragma once") for h in headers] + [(name, f"#include {header}")]:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(line + "\n", encoding="utf-8")
            if bool(list(violations(root))) != planted:
                failed.append(f"{name} with {header}: {'not found' if planted else 'refused'}")
    print("\n".join(failed) or f"{len(good)} good and {len(bad)} bad includes judged right")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = Path(arguments[0] if arguments else Path(__file__).resolve().parent.parent)
    if not any(sources(root)):
        print(f"{root}: no sources here")
        return 1
    found = list(violations(root))
    print("\n".join(found) or "every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
