"""Turns the samples of a run into tables."""

import re
import statistics

import figures

BEGIN = "<!-- bench:begin, written by scripts/bench -->"
END = "<!-- bench:end -->"


def _number(value):
    """Three significant digits, thousands separated."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def _failed(samples):
    """Failures of all samples; a run that broke is one."""
    return sum(1 if "error" in sample else sample["failures"] for sample in samples)


def _values(samples, field):
    return [sample[field] for sample in samples if field in sample]


def _cell(samples, field):
    values = _values(samples, field)
    text = _number(statistics.median(values)) if values else "–"
    failed = _failed(samples)
    return f"{text} ({failed:,} failed)" if failed else text


def _ratio_cell(samples, peer_samples, field):
    """Median of the rounds' ratios, and their range."""
    ratios = [ours[field] / theirs[field] for ours, theirs in zip(samples, peer_samples)
              if ours.get(field) and theirs.get(field)]
    if not ratios:
        return "–"
    middle = f"{statistics.median(ratios):.2f}"
    return middle if len(ratios) == 1 else f"{middle} ({min(ratios):.2f}–{max(ratios):.2f})"


def _table(header, rows):
    align = ["---"] + ["--:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, align, *rows])


def _columns(results):
    """Subjects that ran, and those of them that are compared with the peer."""
    ran = [key for key, about in results["subjects"].items() if "unavailable" not in about]
    compared = [key for key in ran if key.startswith("penstock")] if figures.PEER in ran else []
    return ran, compared


def _title(results, key):
    return results["subjects"][key]["title"]


def _comparison(results, rows, ran, compared):
    """A table of (label, field, figure key) rows: subjects, then ratios to the peer."""
    header = ["", *(_title(results, key) for key in ran),
              *(f"{_title(results, key)} : {_title(results, figures.PEER)}" for key in compared)]
    body = []
    for label, field, figure_key in rows:
        of = results["figures"][figure_key]
        body.append([label, *(_cell(of[key], field) for key in ran),
                     *(_ratio_cell(of[key], of[figures.PEER], field) for key in compared)])
    return _table(header, body)


def _figure_tables(results):
    chosen = [figure for figure in figures.FIGURES if figure.key in results["figures"]]
    if not chosen:
        return []
    ran, compared = _columns(results)
    speed = [(f"{figure.title}{', ' if value.label else ''}{value.label} ({value.unit})",
              value.field, figure.key) for figure in chosen for value in figure.values]
    cost = [(f"{figure.title} ({figure.cost.unit})", "cost", figure.key) for figure in chosen]
    forwarders = [key for key in ran if key != figures.LOOPBACK]
    return ["### Speed", _comparison(results, speed, ran, compared),
            "### CPU time of the forwarder",
            _comparison(results, cost, forwarders, compared)]


def _idle_table(results):
    rows = []
    for key, sample in results["idle"].items():
        if "error" in sample:
            rows.append([_title(results, key), sample["error"], "–", "–", "–"])
            continue
        rows.append([_title(results, key), f"{sample['held']:,}",
                     _number(sample["bytes_per_session"] / 1e3),
                     _number(sample["empty_bytes"] / 1e6), _number(sample["open_seconds"])])
    if not rows:
        return []
    return ["### Idle sessions",
            _table(["", "held", "KB each", "MB without any", "seconds to open"], rows)]


def bars(results):
    """Each bar for each Penstock subject: what it reached, and whether that is enough."""
    found = []
    for bar in figures.BARS:
        for key, about in results["subjects"].items():
            if not key.startswith("penstock") or "unavailable" in about:
                continue
            samples = ([results["idle"][key]] if key in results["idle"] and bar.figure == "idle"
                       else results["figures"].get(bar.figure, {}).get(key))
            if samples is None:
                continue
            values = _values(samples, bar.field)
            reached = statistics.median(values) if values else 0
            found.append({"text": bar.text, "subject": about["title"], "reached": reached,
                          "passed": reached >= bar.at_least and _failed(samples) == 0})
    return found


def _bar_table(results):
    rows = [[bar["text"], bar["subject"], _number(bar["reached"]),
             "pass" if bar["passed"] else "**fail**"] for bar in bars(results)]
    return ["### Bars", _table(["", "subject", "reached", ""], rows)] if rows else []


def _notes(results):
    lines = []
    for about in results["subjects"].values():
        if "unavailable" in about:
            lines.append(f"- {about['title']}: left out: {about['unavailable'].splitlines()[0]}")
            continue
        notes = about.get("notes", {})
        if "silent" in notes:
            lines.append(f"- {about['title']}: **does not answer after the run**")
        elif "module_compilations" in notes:
            lines.append(
                f"- {about['title']}: {_count(notes['sessions'])} sessions, "
                f"{_count(notes['module_compilations'])} compilation(s) of the module, "
                f"{_count(notes['worker_restarts'])} worker restarts; "
                f"V8 {notes['v8_version']}, {notes['isolation_mode']} isolation.")
        elif "version" in notes:
            lines.append(f"- {about['title']} {notes['version']}.")
    return ["### Beside the figures", "\n".join(lines)] if lines else []


def _count(value):
    return "unknown" if value is None else f"{value:,.0f}"


def _preamble(results):
    about, options, cores = results["machine"], results["options"], results["cores"]
    return (
        f"{about['date']}, commit {about['commit']}: `{results['command']}`, "
        f"{results['seconds']} s.\n"
        f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB; "
        f"{about['system']}, Linux {about['kernel']}; load average at the start "
        f"{results['load_before']:.2f}.\n"
        f"Load and backend on core {_list(cores['load'])}, forwarder on core "
        f"{_list(cores['subject'])}; {options['rounds']} round(s) of "
        f"{options['duration_ms'] / 1000:g} s for each figure and subject; medians, in brackets "
        f"the range of the rounds.")


def _list(cores):
    return ", ".join(map(str, cores))


def markdown(results):
    """The tables of a run."""
    return "\n\n".join([_preamble(results), *_bar_table(results), *_figure_tables(results),
                        *_idle_table(results), *_notes(results)])


def write_document(path, text):
    """Puts the tables between the markers of the document."""
    document = path.read_text()
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    if not pattern.search(document):
        raise ValueError(f"{path} has no {BEGIN}")
    path.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", document))


def summary(figure, sample):
    """A sample in a few words."""
    if "error" in sample:
        return sample["error"]
    words = [f"{value.label} {_number(sample[value.field])} {value.unit}".strip()
             for value in figure.values]
    if "cost" in sample:
        words.append(f"{_number(sample['cost'])} {figure.cost.unit}")
    if sample["failures"]:
        words.append(f"{sample['failures']} FAILED: {sample['first_failure']}")
    return "  ".join(words)


def idle_summary(sample):
    if "error" in sample:
        return sample["error"]
    return (f"{sample['held']} held  {_number(sample['bytes_per_session'] / 1e3)} KB each  "
            f"{sample['failures']} failed {sample['first_failure']}")
