"""What was measured: values by figure, variant and path, with medians; as table and as JSON."""

import json
import statistics


class Report:
    """figure -> {"unit", "better", "rows": variant -> path -> values}.

    figure: what one plot shows, in one unit; variant: what of it, as "p99"; path: what was
    measured, as "chain". `better` is "more" or "less".
    """

    def __init__(self, machine):
        self.machine = machine
        self.figures = {}
        self.failures = []

    def add(self, figure, variant, path, value, unit, better="less"):
        entry = self.figures.setdefault(figure, {"unit": unit, "better": better, "rows": {}})
        assert (entry["unit"], entry["better"]) == (unit, better), figure
        entry["rows"].setdefault(variant, {}).setdefault(path, []).append(value)

    def median(self, figure, variant, path):
        """None where it was not measured."""
        rows = self.figures.get(figure, {"rows": {}})["rows"]
        values = rows.get(variant, {}).get(path)
        return statistics.median(values) if values else None

    def as_json(self, ratios):
        figures = {
            name: {
                **figure,
                "rows": {
                    variant: {path: summary(values) for path, values in row.items()}
                    for variant, row in figure["rows"].items()
                },
            }
            for name, figure in self.figures.items()
        }
        content = {
            "machine": self.machine,
            "figures": figures,
            "ratios": ratios,
            "failures": self.failures,
        }
        return json.dumps(content, indent=1) + "\n"

    def table(self):
        lines = [f"{name}: {value}" for name, value in self.machine.items()]
        for name, figure in self.figures.items():
            lines += ["", f"{name} ({figure['unit']}, {figure['better']} is better)"]
            lines += _figure_lines(figure["rows"])
        return "\n".join(lines)


def summary(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "values": values,
    }


def number(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _figure_lines(rows):
    paths = list(dict.fromkeys(path for row in rows.values() for path in row))
    cells = [["", *paths]]
    for variant, row in rows.items():
        cells.append([variant, *(_cell(row.get(path)) for path in paths)])
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    for line in cells:
        first = line[0].ljust(widths[0])
        rest = [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        yield "  " + "  ".join([first, *rest])


def _cell(values):
    if not values:
        return "-"
    text = number(statistics.median(values))
    return f"{text} ({number(min(values))}..{number(max(values))})" if len(values) > 1 else text
