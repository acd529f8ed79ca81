"""A sidecar under valgrind: no error and no lost memory, though connections are live at the end."""

import shutil

import pytest

from certificates import Authority
from harness import MIB, SANITIZED
from parties import Party, Transfer, talk

VALGRIND = shutil.which("valgrind")
OPTIONS = [
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
    "--num-callers=30",
]


@pytest.mark.skipif(SANITIZED, reason="a sanitized program looks after its memory itself")
@pytest.mark.skipif(not VALGRIND, reason="VALGRIND IS NOT INSTALLED: memory errors go unnoticed")
@pytest.mark.parametrize("tls", [False, True])
def test_sidecar_under_valgrind(world, tmp_path, tls):
    relay_options, settings = ["--allow-all-reads"], {}
    if tls:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("127.0.0.1")
        relay_options += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        settings["HOTLINK_PROXY_CA_FILE"] = str(authority.file)
    relay = world.relay(*relay_options)
    a = world.sidecar("a@example.org", relay, wrapper=[VALGRIND, *OPTIONS], **settings)
    b = world.sidecar("b@example.org", relay, **settings)
    world.channel(a, b)
    a.wait_listening(deadline=60)
    b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    Transfer(x, y, 2 * MIB).start().wait(60)
    Transfer(y, x, 2 * MIB).start().wait(60)
    standby = Party(a.port).send(b"waiting")
    a.wait_channel("has a standby", lambda c: c["standbys"] == 1)
    code = a.terminate(deadline=60)
    text = a.log_text()
    assert code == 0, text[-6000:]
    assert "ERROR SUMMARY: 0 errors" in text
    assert standby.receive_to_end()[1] in ("eof", "reset")
