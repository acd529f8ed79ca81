"""One call of a program that is to answer soon."""

import subprocess


def call(command, limit, environment=None):
    """Runs it out of Ctrl-C's reach. Its exit code, and what it printed as text; None if it had
    not ended after `limit` seconds, and was killed."""
    try:
        return subprocess.run(
            [str(word) for word in command],
            env=environment,
            capture_output=True,
            errors="replace",
            timeout=limit,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
