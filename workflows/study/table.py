#!/usr/bin/env python3
"""Sums up the study: one table and one figure from the scores of all runs that there are.

    python3 table.py STUDY study.md study.png        STUDY holds scores/ and seconds/; needs matplotlib

A figure is the mean over the seeds, with half the range over them.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# the head that is compared; a system without fusion has its modalities only
HEADS = ("fusion", "expression")
STUDY, TABLE, FIGURE = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])


def rows_of(path):
    return [r for r in json.loads(path.read_text())["scores"] if r.get("value") is not None and r["set"] == "all"]


def scores(rows):
    """What is compared of one run: from all modalities, and the least and the mean over single ones."""
    of = lambda name: [r for r in rows if r["name"] == name and r["head"] in HEADS]
    widest = max((len(r["from"]) for r in of("accuracy")), default=1)
    single = lambda name: [r["value"] for r in of(name) if len(r["from"]) == 1 < widest]
    whole = lambda name: [r["value"] for r in of(name) if len(r["from"]) == widest]
    mean = lambda values: sum(values) / len(values) if values else None
    return {
        "accuracy": mean(whole("accuracy")),
        "AvgBIO": mean(whole("avg_bio")),
        "accuracy from one": mean(single("accuracy")),
        "least retention": min(single("accuracy_retention"), default=None),
        "R@10": mean([r["value"] for r in of("recall_at_10")]),
        "alignment": mean([r["value"] for r in of("alignment")]),
        "uniformity": mean(whole("uniformity")),
        "iLISI": mean(whole("ilisi")),
    }


def before(rows):
    """Label accuracy of principal components of the counts, which every run's file has."""
    return {r["head"]: r["value"] for r in rows if r["name"] == "accuracy" and r["head"] not in HEADS}


def seconds(path):
    lines = path.read_text().split("\n") if path.exists() else []
    return float(lines[1].split("\t")[0]) if len(lines) > 1 else None


def main():
    runs, baselines = defaultdict(lambda: defaultdict(lambda: defaultdict(list))), {}
    for path in sorted((STUDY / "scores").glob("*/*.json")):
        system, seed = path.stem.rsplit(".", 1)
        rows = rows_of(path)
        baselines[path.parent.name] = before(rows)
        found = scores(rows) | {"seconds": seconds(STUDY / "seconds" / path.parent.name / f"{path.stem}.tsv")}
        for name, value in found.items():
            if value is not None:
                runs[path.parent.name][system][name].append(value)
    names = ["accuracy", "AvgBIO", "accuracy from one", "least retention", "R@10", "alignment", "uniformity", "iLISI", "seconds"]

    def cell(values, name):
        if not values:
            return "-"
        digits = 1 if name == "seconds" else 3
        spread = f" +- {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else ""
        return f"{sum(values) / len(values):.{digits}f}{spread}"

    text = []
    for cells, systems in runs.items():
        text += [f"**{cells}**", "", "| system | seeds | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
        for system, of in systems.items():
            text.append(f"| {system} | {len(of['accuracy'])} | " + " | ".join(cell(of[n], n) for n in names) + " |")
        known = ", ".join(f"{head} {value:.3f}" for head, value in baselines[cells].items())
        text += ["", f"Accuracy before: {known}." if known else "", ""]
    TABLE.write_text("\n".join(text))

    figure, axes = plt.subplots(1, max(len(runs), 1), figsize=(3.2 * max(len(runs), 1), 3), sharey=True, squeeze=False)
    for axis, (cells, systems) in zip(axes[0], runs.items()):
        for y, (system, of) in enumerate(systems.items()):
            axis.plot(of["accuracy"], [y] * len(of["accuracy"]), "o", color="black", ms=4)
            axis.plot(of["accuracy from one"], [y] * len(of["accuracy from one"]), "o", color="tab:orange", ms=4)
        axis.set_yticks(range(len(systems)), list(systems))
        axis.set_title(cells, fontsize=9)
        axis.set_xlabel("label accuracy", fontsize=8)
    figure.suptitle("from all modalities (black), from one alone, mean (orange)", fontsize=9)
    figure.tight_layout()
    figure.savefig(FIGURE, dpi=150)


main()
