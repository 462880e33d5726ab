#!/usr/bin/env python3
"""Checks a Promela model with spin: exhaustively that it holds, or that a planted bug is found.

    check.py MODEL [-DNAME[=VALUE]...]                      passes when no reachable state breaks an assertion
    check.py MODEL [-DNAME[=VALUE]...] --breaks ASSERTION   passes when that very assertion is broken, and prints how

Needs spin and a C compiler. Works in a temporary folder, which is kept when something is wrong: it holds spin's verifier,
the trail and the trail told in words.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# What one check may use. More means that its bounds are too wide for it, and the check says so.
MEMORY_MIB = 2_000
LONG_MEMORY_MIB = 12_000
# The longest execution is some 60 steps; a model that outgrows this is told of.
DEPTH = 10_000

# A search in breadth finds the shortest counterexample, one in depth needs less memory to find none.
COMPILE = ["-O1", "-w", "-DSAFETY", "-DNOFAIR", "-DNOREDUCE"]


class Failure(Exception):
    """Says what was wrong, with what was printed."""


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is not installed (scripts/setup installs it)") from error
    return done.returncode, done.stdout


def search(model, defines, in_breadth, hashed, memory, folder):
    """What pan, the verifier that spin makes of the model, printed."""
    status, output = run(["spin", "-a", *defines, str(model)], folder)
    if status != 0 or not (folder / "pan.c").exists():
        raise Failure(f"spin doesn't accept {model}:\n{output}")
    flags = [*COMPILE, f"-DMEMLIM={memory}"]
    flags += ["-DBFS"] if in_breadth else ["-DHC4"] if hashed else []
    status, output = run([os.environ.get("CC", "cc"), *flags, "-o", "pan", "pan.c"], folder)
    if status != 0:
        raise Failure(f"the verifier that spin made of {model} doesn't compile:\n{output}")
    # -b: an execution that is longer than the bound is an error, not silently cut.
    _, output = run(["./pan", f"-m{DEPTH}", *([] if in_breadth else ["-b"])], folder)
    return output


def counterexample(model, defines, folder):
    """The steps of the trail, as the model tells them."""
    trails = list(folder.glob("*.trail"))
    if not trails:
        raise Failure("the verifier left no trail")
    _, output = run(["spin", "-t", "-k", str(trails[0]), *defines, str(model)], folder)
    (folder / "counterexample.txt").write_text(output, encoding="utf-8")
    steps = output.split("spin: ")[0]
    return "\n".join("  " + line.strip() for line in steps.splitlines() if line.strip())


def figure(output, pattern):
    found = re.search(pattern, output)
    return found[1] if found else "?"


def judge(arguments, folder):
    model = arguments.model.resolve()
    memory = LONG_MEMORY_MIB if arguments.hashed else MEMORY_MIB
    output = search(model, arguments.define, bool(arguments.breaks), arguments.hashed, memory, folder)
    broken = re.search(r"^pan:\d+: (.*?) \(at depth", output, re.MULTILINE)
    states = figure(output, r"(\d+) states, stored")
    megabytes = figure(output, r"([0-9.]+)\s+total actual memory")
    size = f"{states} states, {megabytes} MB"
    if broken is None:
        if "Search not completed" in output or "errors: 0" not in output:
            raise Failure(f"the search was not completed ({size}):\n{output}")
        if arguments.breaks:
            raise Failure(f"the planted bug was not found: {arguments.breaks} holds in all of {size}")
        steps = figure(output, r"depth reached (\d+)")
        return f"holds in all of {size}, executions of up to {steps} steps"
    told = counterexample(model, arguments.define, folder)
    if broken[1] != f"assertion violated {arguments.breaks}":
        wanted = f", not {arguments.breaks}" if arguments.breaks else ""
        raise Failure(f"{broken[1]}{wanted} ({size}):\n{told}")
    return f"as it should, the planted bug breaks {arguments.breaks}:\n{told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("-D", dest="define", action="append", default=[], type="-D{}".format, metavar="NAME[=VALUE]")
    parser.add_argument("--breaks", metavar="ASSERTION")
    parser.add_argument("--hashed", action="store_true",
                        help="keep 64-bit hashes of states instead of states: for bounds whose states exceed the memory, "
                             "at the price of a chance that a state is taken for one seen before")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="carillon-model-"))
    try:
        print(judge(arguments, folder))
    except Failure as failure:
        print(f"{arguments.model.name} {' '.join(arguments.define)}: {failure}\nkept: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
