"""How a scenario ends that does not go well."""


class ScenarioError(Exception):
    """The line that says what is wrong. `where` names the check that found it."""

    def __init__(self, text, where="run"):
        super().__init__(text)
        self.where = where


class Interrupted(Exception):
    """Somebody wants the run to end."""
