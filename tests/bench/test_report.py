"""The tables, from samples that were never measured."""

import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent),
                str(pathlib.Path(__file__).resolve().parents[1])]
# pylint: disable=wrong-import-position
import report  # noqa: E402


def sample(rate, failures=0):
    return {"mb_per_s": rate, "cost": 1.0, "failures": failures, "first_failure": "", "units": 1}


def results(peer, ours, idle=None):
    return {
        "command": "scripts/bench", "seconds": 1, "load_before": 0.5,
        "machine": {"date": "2000-01-01", "commit": "c", "processor": "p", "cores": 2,
                    "memory_gib": 1, "system": "s", "kernel": "k"},
        "cores": {"load": [0], "subject": [1]},
        "options": {"rounds": 3, "duration_ms": 1500, "warm_up_ms": 0},
        "subjects": {"haproxy": {"title": "HAProxy"}, "penstock-c": {"title": "Penstock, C"}},
        "figures": {"bulk-1": {"haproxy": peer, "penstock-c": ours}},
        "idle": {} if idle is None else {"penstock-c": idle},
    }


def row(text, label):
    line = next(line for line in text.splitlines() if line.startswith(f"| {label}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


BULK = "bulk one way, 1 connection (MB/s)"


def test_a_ratio_is_the_median_of_the_rounds_own():
    text = report.markdown(results([sample(100), sample(200), sample(400)],
                                   [sample(150), sample(100), sample(400)]))
    assert row(text, BULK) == ["200", "150", "1.00 (0.50–1.50)"]


def test_failures_stand_beside_the_figure_and_fail_the_bar():
    outcome = results([sample(100)], [sample(5000, failures=3)])
    assert row(report.markdown(outcome), BULK)[1] == "5,000 (3 failed)"
    assert [bar["passed"] for bar in report.bars(outcome)] == [False]


def test_a_run_that_broke_counts_as_failed():
    outcome = results([sample(100)], [{"error": "penstock-load hangs"}])
    assert row(report.markdown(outcome), BULK) == ["100", "– (1 failed)", "–"]
    assert [bar["passed"] for bar in report.bars(outcome)] == [False]


@pytest.mark.parametrize("held, failures, passed",
                         [(1000, 0, True), (999, 0, False), (1000, 1, False)])
def test_idle_sessions_must_all_hold(held, failures, passed):
    idle = {"held": held, "failures": failures, "first_failure": "", "bytes_per_session": 61e3,
            "empty_bytes": 3e7, "open_seconds": 0.25}
    outcome = results([sample(100)], [sample(100)], idle)
    assert [bar["passed"] for bar in report.bars(outcome)] == [True, passed]
    assert row(report.markdown(outcome), "Penstock, C") == [f"{held:,}", "61", "30", "0.25"]


def test_a_subject_that_cannot_run_has_no_column():
    outcome = results([sample(100)], [])
    outcome["subjects"]["penstock-c"]["unavailable"] = "no module\nat all"
    text = report.markdown(outcome)
    assert row(text, BULK) == ["100"]
    assert "- Penstock, C: left out: no module\n" in text + "\n"
    assert report.bars(outcome) == []


def test_only_what_is_between_the_markers_changes(tmp_path):
    document = tmp_path / "benchmarks.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_document(document, r"new \1")
    assert document.read_text() == f"before\n{report.BEGIN}\n\nnew \\1\n\n{report.END}\nafter\n"
    document.write_text("no markers")
    with pytest.raises(ValueError):
        report.write_document(document, "new")
