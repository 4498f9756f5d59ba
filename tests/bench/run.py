#!/usr/bin/env python3
"""Measures Penstock beside its peers, in one run; scripts/bench builds what it needs.

Every figure is taken for one subject after the other, round after round, so that whatever else the
machine does meets all of them. The load generator and its backend have one core, the subject
another.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shlex
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from support import paths  # noqa: E402

import figures  # noqa: E402
import machine  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import subjects  # noqa: E402
from load import Load, LoadFailed  # noqa: E402


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(figure, subject, load, timing):
    """One sample: the load generator's report, and the subject's CPU time for it."""
    before = processes.cpu_seconds(subject.pids())
    try:
        sample = load.run(dict(figure.load) | timing, subject.target)
    except LoadFailed as error:
        return {"error": str(error)}
    used = processes.cpu_seconds(subject.pids()) - before
    sample["subject_cpu_seconds"] = used
    if sample["units"] > 0 and subject.target is not None:
        sample["cost"] = used / sample["units"] * figure.cost.scale
    return sample


def start_all(chosen, stack, start, results):
    """Starts the subjects; those that cannot run here are noted and left out."""
    running = []
    for key in chosen:
        subject = subjects.SUBJECTS[key]()
        stack.callback(subject.close)
        try:
            start(subject)
        except (subjects.Unavailable, AssertionError, OSError) as error:
            results["subjects"][key] = {"title": subject.title, "unavailable": str(error)}
            say(f"{key}: left out: {error}")
            continue
        results["subjects"].setdefault(key, {"title": subject.title})
        running.append(subject)
    return running


def run_figures(options, load, cores, results):
    timing = {"warm_up_ms": options.warm_up_ms, "duration_ms": options.duration_ms}
    chosen = [figure for figure in figures.FIGURES if figure.key in options.figures]
    if not chosen:
        return
    with contextlib.ExitStack() as stack:
        running = start_all(options.subjects, stack,
                            lambda subject: subject.start(load.backend, cores, workers=1), results)
        for subject in running:  # code that is compiled in tiers reaches its last one here
            measure(figures.FIGURES[0], subject, load, {"duration_ms": 1000})
        for number in range(options.rounds):
            for figure in chosen:
                for subject in running:
                    sample = measure(figure, subject, load, timing)
                    results["figures"].setdefault(figure.key, {}).setdefault(
                        subject.key, []).append(sample)
                    say(f"round {number + 1}  {figure.key:14}  {subject.key:12}  "
                        f"{report.summary(figure, sample)}")
        for subject in running:
            results["subjects"][subject.key]["notes"] = subject.notes()


def hold_idle(options, subject, load):
    """Memory of a fresh subject without and with idle connections."""
    before = processes.settled_pss_bytes(subject.pids())

    def while_held():
        return processes.settled_pss_bytes(subject.pids())
    opened, held_bytes, proved = load.hold(options.idle_connections, subject.target, while_held)
    return {
        "connections": options.idle_connections,
        "held": proved["units"],
        "failures": proved["failures"],
        "first_failure": proved["first_failure"],
        "open_seconds": opened["open_seconds"],
        "empty_bytes": before,
        "held_bytes": held_bytes,
        "bytes_per_session": (held_bytes - before) / options.idle_connections,
    }


def run_idle(options, load, results):
    for key in options.subjects:
        if key == figures.LOOPBACK:
            continue
        with contextlib.ExitStack() as stack:
            for subject in start_all(
                    [key], stack,
                    lambda s: s.start(load.backend, os.sched_getaffinity(0), workers=2), results):
                try:
                    sample = hold_idle(options, subject, load)
                except (LoadFailed, OSError) as error:
                    sample = {"error": str(error)}
                results["idle"][key] = sample
                say(f"idle     {key:12}  {report.idle_summary(sample)}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="one short round, docs/benchmarks.md left alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration-ms", type=int, default=1500, help="of one sample")
    parser.add_argument("--warm-up-ms", type=int, default=300, help="before it, not counted")
    parser.add_argument("--idle-connections", type=int, default=figures.IDLE_CONNECTIONS)
    parser.add_argument("--subjects", default=",".join(subjects.SUBJECTS),
                        help="comma-separated, of: %(default)s")
    every = ",".join([*(figure.key for figure in figures.FIGURES), "idle"])
    parser.add_argument("--figures", default=every, help="comma-separated, of: %(default)s")
    parser.add_argument("--json", type=pathlib.Path, default=paths.BUILD / "bench.json",
                        help="where all samples go")
    options = parser.parse_args()
    options.partial = options.quick or sys.argv[1:] != []
    if options.quick:
        options.rounds, options.duration_ms, options.warm_up_ms = 1, 500, 100
    for name, known in (("subjects", subjects.SUBJECTS), ("figures", every.split(","))):
        chosen = getattr(options, name).split(",")
        if unknown := [key for key in chosen if key not in known]:
            parser.error(f"unknown {name}: {', '.join(unknown)}")
        setattr(options, name, chosen)
    return options


def main():
    options = parse_options()
    cores = sorted(os.sched_getaffinity(0))
    load_cores, subject_cores = {cores[0]}, {cores[1 % len(cores)]}
    load = Load(load_cores, subjects.free_port())
    results = {
        "command": shlex.join(["scripts/bench", *sys.argv[1:]]),
        "machine": machine.describe(),
        "load_before": os.getloadavg()[0],
        "cores": {"load": sorted(load_cores), "subject": sorted(subject_cores)},
        "options": {"rounds": options.rounds, "duration_ms": options.duration_ms,
                    "warm_up_ms": options.warm_up_ms},
        "subjects": {}, "figures": {}, "idle": {},
    }
    begin = time.monotonic()
    run_figures(options, load, subject_cores, results)
    if "idle" in options.figures:
        run_idle(options, load, results)
    results["seconds"] = round(time.monotonic() - begin)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    text = report.markdown(results)
    print(text)
    if options.partial:
        say("docs/benchmarks.md is left alone: not the whole program")
    else:
        report.write_document(paths.ROOT / "docs" / "benchmarks.md", text)
    return 0 if all(bar["passed"] for bar in report.bars(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
