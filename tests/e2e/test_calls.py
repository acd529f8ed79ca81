"""Programs that are to answer soon: what they say, or that they did not."""

import os
import sys
import time

import pytest

from scenariolib.calls import call

LIMIT = 20  # seconds; not meant to be reached


def python(text):
    return [sys.executable, "-c", text]


def test_what_it_says_and_its_exit_code_are_returned():
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    result = call(python(program), LIMIT)
    assert (result.returncode, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_its_variables_are_those_given():
    result = call(python("import os; print(os.environ['NAME'])"), LIMIT, {"NAME": "value"})
    assert result.stdout == "value\n"


def test_what_is_no_text_is_replaced():
    assert call(["printf", r"a\377b"], LIMIT).stdout == "a\ufffdb"


def test_it_is_out_of_reach_of_a_terminal():
    assert int(call(python("import os; print(os.getsid(0))"), LIMIT).stdout) != os.getsid(0)


def test_one_that_does_not_answer_in_time_is_killed(tmp_path):
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    program = f"echo $$ > {pid_file}; exec sleep 600"
    assert call(["sh", "-c", program], 0.5) is None
    assert time.monotonic() - began < LIMIT
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError):
        call([tmp_path / "nothing"], LIMIT)
