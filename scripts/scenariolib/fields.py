"""YAML with line numbers: mappings whose keys and values are checked, errors that say where."""

import re

import yaml

from scenariolib.errors import ScenarioError

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20}
UNITS["GIB"] = 1 << 30
SIZE = re.compile(r"^(\d+(?:\.\d+)?) ?([KMG]i?B|B)?$", re.IGNORECASE)
DURATION = re.compile(r"^(\d+(?:\.\d+)?) ?(ms|s|min)?$")
SECONDS = {"ms": 0.001, "s": 1, "min": 60}


class Fields:
    """A node of the file. Each take_…() uses a key up; done() complains of what nobody used."""

    def __init__(self, file, node, what):
        self.file, self.node, self.what = file, node, what
        if not isinstance(node, yaml.MappingNode):
            self.fail(f"{what} has to be a mapping, as `key: value`")
        self._values, self._taken = {}, set()
        for key, value in node.value:
            if key.value in self._values:
                self.fail(f"{what} has `{key.value}` twice", key)
            self._values[key.value] = value

    def fail(self, text, node=None):
        line = (node or self.node).start_mark.line + 1
        raise ScenarioError(f"{self.file}:{line}: {text}", "scenario file")

    def keys(self):
        return list(self._values)

    def has(self, key):
        return key in self._values

    def node_of(self, key, required=False):
        self._taken.add(key)
        if required and key not in self._values:
            self.fail(f"{self.what} needs `{key}`")
        return self._values.get(key)

    def text(self, key, default=None, choices=None, required=False):
        node = self.node_of(key, required)
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.fail(f"`{key}` has to be a text", node)
        if choices and node.value not in choices:
            self.fail(f"`{key}` is `{node.value}`; it takes {', '.join(choices)}", node)
        return node.value

    def integer(self, key, default=None, least=0, required=False):
        text = self.text(key, required=required)
        if text is None:
            return default
        if not text.isdigit() or int(text) < least:
            takes = f"a whole number from {least}"
            self.fail(f"`{key}` is `{text}`; it takes {takes}", self._values[key])
        return int(text)

    def size(self, key, default=None, required=False):
        """Bytes."""
        match, text = self._match(key, SIZE, "bytes, as 4096 or 10 MiB", required)
        if text is None:
            return default
        return int(float(match[1]) * UNITS[(match[2] or "B").upper()])

    def duration(self, key, default=None, required=False):
        """Seconds."""
        match, text = self._match(key, DURATION, "a time, as 500 ms or 3 s", required)
        if text is None:
            return default
        return float(match[1]) * SECONDS[match[2] or "s"]

    def _match(self, key, pattern, takes, required):
        text = self.text(key, required=required)
        match = text is not None and pattern.match(text)
        if text is not None and not match:
            self.fail(f"`{key}` is `{text}`; it takes {takes}", self._values[key])
        return match, text

    def texts(self, key, default=()):
        node = self.node_of(key)
        if node is None:
            return list(default)
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.ScalarNode) for item in node.value
        ):
            self.fail(f"`{key}` has to be a list of texts, as [a, b]", node)
        return [item.value for item in node.value]

    def mapping(self, key, what, required=False):
        """Fields of their own; of an empty mapping where there is none."""
        node = self.node_of(key, required)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")):
            mark = (node or self.node).start_mark
            node = yaml.MappingNode("tag:yaml.org,2002:map", [], mark, mark)
        return Fields(self.file, node, what)

    def sequence(self, key, what, required=False):
        node = self.node_of(key, required)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fail(f"`{key}` has to be a list", node)
        return [Fields(self.file, item, what) for item in node.value]

    def done(self):
        for key, node in self._values.items():
            if key not in self._taken:
                known = ", ".join(sorted(self._taken))
                self.fail(f"{self.what} has no `{key}`; it takes {known}", node)


def read_yaml(path):
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}", "scenario file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}", "scenario file") from None
    if node is None:
        raise ScenarioError(f"{path}: it is empty", "scenario file")
    return Fields(path, node, "a scenario")
