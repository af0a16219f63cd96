#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""mutation.py [FILE...]: how many small defects do the tests see?

Each mutant is xen/common/tmem*.c (or the files named) with one small change,
made by one of the operators below. Only its object is compiled, and linked
with one program that has the fast tests in it, which run until one fails. A
mutant lives when all pass, in the debug build and then in the small one.

  MUTATION_COUNT=300  so many mutants, chosen by the seed; 0: all
  MUTATION_SEED=1     which ones
  MUTATION_JOBS=n     at a time; the default is one for each CPU
  MUTATION_ONLY=text  only those whose name has that text in it
  MUTATION_AGAIN=file those that a list has, such as one of survivors; all

A mutant that compiles to the same code, or that tests/mutation.equivalent
lists with a reason, is none. What lives is printed as a diff, and left in
build/mutation/survivors. The exit status tells nothing of the score.
"""
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = "build/mutation"
VARIANTS = ("debug", "small")
SKIP = re.compile(r"lin_test|_rand_test|radix_test|rbtree_test|tlsf_test|"
                  r"xmalloc_test|host_|history_test|/tools/|/stress/")
LAST = ("59_", "61_", "fault_test")    # the slow ones
MODEL_SEEDS = 60

# ---- where a source can be changed -----------------------------------------


def mask(text):
    """The same length, with blanks for what is not code of a function."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group())
    text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])+\'', blank,
                  text, flags=re.S)
    text = re.sub(r"^#(?:.*\\\n)*.*", blank, text, flags=re.M)
    # Neither for the compiler's sake, nor for the reader's, nor checks.
    text = re.sub(r"\b(?:ASSERT\w*|BUILD_BUG_ON|\w*prefetch\w*|\w*printk)\s*"
                  r"\([^;]*;", blank, text)
    out, end = [], 0
    for m in re.finditer(r"^\{$.*?^\}$", text, flags=re.M | re.S):
        out.append(re.sub(r"[^\n]", " ", text[end:m.start()]))
        out.append(m.group())
        end = m.end()
    out.append(re.sub(r"[^\n]", " ", text[end:]))
    return "".join(out)


SWAPS = {
    "relation": (r"(?<= )(<=|>=|==|!=|<|>)(?= )", {
        "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}),
    "arithmetic": (r"(?<= )([-+*/%]|<<|>>|[-+]=)(?=[ \n])|(\+\+|--)", {
        "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>",
        ">>": "<<", "++": "--", "--": "++", "+=": "-=", "-=": "+="}),
    "logic": (r"(?<= )(&&|\|\|)(?=[ \n])", {"&&": "||", "||": "&&"}),
    "bits": (r"(?<= )([&|]=?)(?=[ \n])", {
        "&": "|", "|": "&", "&=": "|=", "|=": "&="}),
    "not": (r"(!)(?=[\w(*])", {"!": ""}),
    "minmax": (r"\b(min|max)(?=\w*\()", {"min": "max", "max": "min"}),
    "constant": (r"(?<![\w.])(\d+)(?=U?L{0,2}\b)(?!x)|\b(true|false)\b", {
        "0": "1", "1": "0", "true": "false", "false": "true"}),
    "error": (r"(?<=return )(-E[A-Z]+)(?=;)", {}),
}
# A statement, not a declaration, and none that ends a block early.
STATEMENT = re.compile(
    r"(?<=[;{})e])\n[ \n]+(?!return|break|continue|goto|case|default|else|if |for |"
    r"while |do |switch|const |static |struct |unsigned |uint|bool |int |long |"
    r"void |xen_|domid_t |typeof|asm|[a-z]*lock|[a-z_]*_u?n?lock\()"
    r"[*\w(+-][^;{}]*;(?=\n)")
LOCK = re.compile(r"\b(\w+?)_(un)?lock(\([^;]*\));")


def closing(code, at):
    """The place of the parenthesis that closes the one there."""
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == "(") - (code[i] == ")")
        if not depth:
            return i


def mutations(code):
    """All changes: (operator, [(from, to, text), ...])."""
    for name, (pattern, swap) in SWAPS.items():
        for m in re.finditer(pattern, code):
            old = m.group()
            new = swap.get(old, "0" if name == "error" else None)
            if new is None:
                new = str(int(old) + 1)
            yield name, [(m.start(), m.end(), new)]
    for m in re.finditer(r"\b(?:if|while) (?=\()", code):
        end = closing(code, m.end())
        yield "negate", [(m.end(), m.end(), "( !"), (end, end, ") ")]
    for m in STATEMENT.finditer(code):
        start = m.end() - len(m.group().lstrip())
        if m.group().count("(") == m.group().count(")"):
            yield "drop", [(start, m.end(), ";")]
    for body in re.finditer(r"^\{$.*?^\}$", code, flags=re.M | re.S):
        pairs = {}
        for m in LOCK.finditer(code, body.start(), body.end()):
            if not m.group(1).startswith("rcu"):
                pairs.setdefault(m.group(1) + m.group(3), []).append(
                    (m.start(), m.end(), ";"))
        for places in pairs.values():
            if len(places) > 1:
                yield "unlock", places


class Mutant:
    def __init__(self, path, text, operator, places):
        self.path, self.operator = path, operator
        new, end = [], 0
        for start, stop, put in places:
            # Newlines stay, so that no line number changes.
            gone = text[start:stop]
            new += [text[end:start], put, "\n" * gone.count("\n")]
            end = stop
        self.text = "".join(new) + text[end:]
        both = list(zip(text.split("\n"), self.text.split("\n")))
        lines = [i for i, (a, b) in enumerate(both) if a != b]
        self.line = lines[0] + 1
        self.old = [both[i][0].strip() for i in lines]
        self.new = [both[i][1].strip() for i in lines]
        self.name = "%s:%d %s" % (os.path.basename(path), self.line, operator)
        self.verdict = self.by = None

    def key(self):
        return (os.path.basename(self.path), tuple(self.old), tuple(self.new))

    def diff(self):
        return "".join(["%s\n" % self.name] + ["-%s\n" % s for s in self.old] +
                       ["+%s\n" % s for s in self.new])


def listed(path):
    """Mutants of a list: "file: words", then lines with - and +."""
    found, name, old, new = set(), None, [], []
    with open(path) as f:
        for line in list(f) + ["\n"]:
            if line.startswith("-"):
                old.append(line[1:].strip())
            elif line.startswith("+"):
                new.append(line[1:].strip())
            elif not line.strip():
                found.add((name, tuple(old), tuple(new)))
                name, old, new = None, [], []
            elif name is None and not line.startswith("#"):
                name = line.split(":")[0]
    return found


# ---- building and running ---------------------------------------------------

class Runner:
    """One variant's tests in one program, but for the object of a mutant."""

    def __init__(self, variant):
        self.dir = "%s/%s" % (OUT, variant)
        self.variant, self.build = variant, "build/" + variant
        os.makedirs(self.dir, exist_ok=True)
        make = ["make", "-s", "VARIANT=" + variant]
        subprocess.run(make + ["-j2", "tests"], check=True)
        names = subprocess.run(make + ["list-tests"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split()
        names = [n for n in names if not SKIP.search(n)]
        names.sort(key=lambda n: [s in n for s in LAST])
        objects = []
        for i, name in enumerate(names):
            objects.append("%s/%d.o" % (self.dir, i))
            subprocess.run(["objcopy", "--redefine-sym", "main=main_%d" % i,
                            "--keep-global-symbol=main_%d" % i, name + ".o",
                            objects[-1]], check=True)
        with open(self.dir + "/main.c", "w") as f:
            f.write("#include <stdlib.h>\n")
            for i in range(len(names)):
                f.write("int main_%d(int, char **);\n" % i)
            f.write("int main(int argc, char *argv[])\n{\n"
                    "    switch ( atoi(argv[1]) )\n    {\n")
            for i in range(len(names)):
                f.write("    case %d: return main_%d(argc - 1, argv + 1);\n"
                        % (i, i))
            f.write("    }\n    return 99;\n}\n")
        subprocess.run(["gcc", "-r", "-o", self.dir + "/tests.o", "-nostdlib",
                        self.dir + "/main.c"] + objects, check=True)
        self.tests, slow = [], []
        for i, name in enumerate(names):
            short = os.path.basename(name)
            todo = slow if any(s in name for s in LAST) else self.tests
            if short == "model_test":
                slow[0:0] = [(short, [str(i), "--seed=%d" % s])
                             for s in range(MODEL_SEEDS)]
            else:
                todo.append((short, [str(i)]))
        self.tests += slow
        self.limits, self.objects, self.commands = {}, {}, {}

    def command(self, path):
        """How make compiles that file, without the names and dependencies."""
        if path not in self.commands:
            obj = "%s/obj/%s.o" % (self.build, path[:-2])
            text = subprocess.run(
                ["make", "-n", "-W", path, "VARIANT=" + self.variant, obj],
                check=True, text=True, stdout=subprocess.PIPE).stdout
            line = [s for s in text.split("\n") if " -c " + path in s][0]
            line = re.sub(r" -c .*| -MMD| -MP| -g(?= )", "", line)
            self.commands[path] = re.sub(r"^\S+", "gcc", line).split()
        return self.commands[path]

    def compile(self, path, text, obj):
        """The object, or None. The name of its file is not in it."""
        if subprocess.run(self.command(path) + ["-x", "c", "-c", "-", "-o",
                                                obj],
                          input=text.encode(),
                          stderr=subprocess.DEVNULL).returncode:
            return None
        with open(obj, "rb") as f:
            return f.read()

    def link(self, obj, program):
        return not subprocess.run(
            ["gcc", "-o", program, self.dir + "/tests.o", obj,
             self.build + "/tests/libtests.a", self.build + "/libxenhost.a",
             "-lcmocka", "-lpthread", "-lm"],
            stderr=subprocess.DEVNULL).returncode

    def run(self, program, test):
        """Did the test pass? Within the CPU time that it is known to need."""
        limit = self.limits.get(test[0], 20)
        env = dict(os.environ, CHECK_SEED="1", CHECK_STRESS_SECONDS="1")
        child = subprocess.Popen(
            ["./" + program] + test[1], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CPU, (limit, limit + 1)))
        try:
            return not child.wait(timeout=10 * limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            return False

    def baseline(self):
        """All pass without a mutant; how long they take."""
        empty = self.dir + "/empty.o"
        subprocess.run(["gcc", "-c", "-x", "c", "/dev/null", "-o", empty],
                       check=True)
        program = self.dir + "/base"
        self.link(empty, program)
        for test in self.tests:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if not self.run(program, test):
                sys.exit("%s: %s fails without a mutant" % (self.variant,
                                                            test[0]))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took = (after.ru_utime + after.ru_stime - before.ru_utime -
                    before.ru_stime)
            self.limits[test[0]] = max(self.limits.get(test[0], 0),
                                       3 + int(5 * took))

    def judge(self, mutant, place):
        """Sets its verdict."""
        obj, program = place + "/m.o", place + "/m"
        code = self.compile(mutant.path, mutant.text, obj)
        if code is None:
            mutant.verdict = "invalid"
        elif code == self.objects[mutant.path]:
            mutant.verdict = "same"
        elif not self.link(obj, program):
            mutant.verdict = "invalid"
        else:
            mutant.verdict = "lives"
            for test in self.tests:
                if not self.run(program, test):
                    mutant.verdict, mutant.by = "killed", test[0]
                    break


def work(todo, runners, place, lock, known):
    os.makedirs(place, exist_ok=True)
    while True:
        with lock:
            if not todo:
                return
            mutant = todo.pop()
        for runner in runners:
            runner.judge(mutant, place)
            if mutant.verdict not in ("lives", "same"):
                break
        if mutant.verdict == "lives" and mutant.key() in known:
            mutant.verdict = "equivalent"
        with lock:
            print("%-10s %s%s" % (mutant.verdict, mutant.name,
                                  " (%s)" % mutant.by if mutant.by else ""),
                  flush=True)


def main():
    os.chdir(TOP)
    os.nice(10)
    os.environ["CCACHE_DISABLE"] = "1"
    # What a mutant of the engine writes of its death is of no use.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    paths = sys.argv[1:] or sorted(
        "xen/common/" + f for f in os.listdir("xen/common")
        if re.match(r"tmem.*\.c$", f))
    mutants = []
    for path in paths:
        with open(path) as f:
            text = f.read()
        mutants += [Mutant(path, text, *m) for m in mutations(mask(text))]
    only = os.environ.get("MUTATION_ONLY", "")
    mutants = [m for m in mutants if only in m.name]
    count = int(os.environ.get("MUTATION_COUNT", "300"))
    if "MUTATION_AGAIN" in os.environ:
        again, count = listed(os.environ["MUTATION_AGAIN"]), 0
        mutants = [m for m in mutants if m.key() in again]
    seed = os.environ.get("MUTATION_SEED", "1")
    todo = mutants if not count else random.Random(seed).sample(
        mutants, min(count, len(mutants)))
    print("%d of %d mutants, seed %s" % (len(todo), len(mutants), seed))

    shutil.rmtree(OUT, ignore_errors=True)
    runners = [Runner(v) for v in VARIANTS]
    for runner in runners:
        runner.baseline()
        for path in sorted({m.path for m in todo}):
            with open(path) as f:
                runner.objects[path] = runner.compile(path, f.read(),
                                                      OUT + "/m.o")
    start, lock, known = time.time(), threading.Lock(), listed(
        "tests/mutation.equivalent")
    rest = list(reversed(todo))
    jobs = int(os.environ.get("MUTATION_JOBS", os.cpu_count()))
    threads = [threading.Thread(target=work, args=(rest, runners, "%s/%d"
                                                   % (OUT, i), lock, known))
               for i in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    lives = [m for m in todo if m.verdict == "lives"]
    with open(OUT + "/survivors", "w") as f:
        for m in sorted(lives, key=lambda m: (m.path, m.line)):
            f.write(m.diff() + "\n")
            print(m.diff())
    operators = sorted({m.operator for m in todo})
    print("%-12s %6s %6s %6s" % ("operator", "killed", "live", "%"))
    for name in operators + [""]:
        some = [m for m in todo if not name or m.operator == name]
        killed = sum(m.verdict == "killed" for m in some)
        live = sum(m.verdict == "lives" for m in some)
        print("%-12s %6d %6d %6.1f" % (name or "all", killed, live, 100 * killed
                                       / max(1, killed + live)))
    print("%d more compile to the same code or not at all, %d are listed as "
          "equivalent; %d s" % (
              sum(m.verdict in ("same", "invalid") for m in todo),
              sum(m.verdict == "equivalent" for m in todo),
              time.time() - start))


main()
