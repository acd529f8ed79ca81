"""A picture of each figure: bars of the medians, with lines from the least to the most."""

import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the choice of a backend without a screen)

LOG_FROM = 50  # times between the largest and the smallest median
ROOM = 0.8  # of a group's width that its bars take


def draw(report, directory):
    """One PNG a figure. Returns the files."""
    paths = {path for figure in report.figures.values() for row in figure["rows"].values()
             for path in row}
    colours = dict(zip(sorted(paths), plt.rcParams["axes.prop_cycle"].by_key()["color"]))
    return [
        _draw(report, name, directory / f"{_file_name(name)}.png", colours)
        for name in report.figures
    ]


def _draw(report, name, file, colours):
    figure = report.figures[name]
    variants = list(figure["rows"])
    paths = list(dict.fromkeys(path for row in figure["rows"].values() for path in row))
    width = ROOM / len(paths)
    canvas, axes = plt.subplots(figsize=(2 + 1.1 * max(3, len(variants)), 4))
    medians = []
    for k, path in enumerate(paths):
        for at, variant in enumerate(variants):
            values = figure["rows"][variant].get(path)
            if not values:
                continue
            middle = report.median(name, variant, path)
            medians.append(middle)
            spread = [[max(0, middle - min(values))], [max(0, max(values) - middle)]]
            place = at + (k - (len(paths) - 1) / 2) * width
            axes.bar(place, middle, width, yerr=spread, capsize=2, color=colours[path],
                     label=path if path not in axes.get_legend_handles_labels()[1] else None)
    if min(medians) > 0 and max(medians) / min(medians) > LOG_FROM:
        axes.set_yscale("log")
    axes.set_xticks(range(len(variants)), variants)
    axes.set_ylabel(figure["unit"])
    axes.set_title(f"{name} ({figure['better']} is better)")
    axes.legend()
    canvas.tight_layout()
    canvas.savefig(file, dpi=110)
    plt.close(canvas)
    return file


def _file_name(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
