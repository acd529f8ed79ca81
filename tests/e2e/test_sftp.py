"""sftp of a large file, by OpenSSH, its server a private one on a loopback port."""

import getpass
import hashlib
import os
import pathlib
import subprocess

import pytest

from harness import MIB, SCALE, clean_environment, listening_ports, wait_until

SSHD = pathlib.Path("/usr/sbin/sshd")
SIZE = 100 * MIB


def run(*command):
    done = subprocess.run(
        [str(word) for word in command],
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90 * SCALE,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"


def start_sshd(world, directory, port):
    """A server with keys and configuration of its own, that knows one user's one key."""
    assert SSHD.exists(), "sshd is not installed: scripts/install-deps test"
    for key in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key)
    if os.getuid() == 0:
        try:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        except OSError as error:
            pytest.skip(f"SKIPPED: sshd as root needs /run/sshd: {error}")
    configuration = directory / "sshd_config"
    configuration.write_text(
        f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {directory}/host
        AuthorizedKeysFile {directory}/user.pub
        PidFile none
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        PermitRootLogin prohibit-password
        Subsystem sftp internal-sftp
        """
    )
    log = open(directory / "sshd.log", "wb")
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", configuration],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )

    def end():
        server.terminate()
        server.wait()
        log.close()

    world.closers.append(end)
    wait_until("sshd listens", lambda: port in listening_ports() or server.poll() is not None)
    assert server.poll() is None, (directory / "sshd.log").read_text()


def test_sftp_of_a_large_file_and_back(world):
    a, _, port = world.dial_pair(HOTLINK_PROXY_LOG_LEVEL="info")
    directory = world.directory
    start_sshd(world, directory, port)
    original = directory / "original"
    original.write_bytes(os.urandom(MIB) * (SIZE // MIB))
    batch = directory / "batch"
    batch.write_text(f"put {original} {directory}/there\nget {directory}/there {directory}/back\n")
    options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={directory}/known", "BatchMode=yes"]
    options += ["IdentitiesOnly=yes", f"IdentityFile={directory}/user"]
    words = [word for option in options for word in ("-o", option)]
    run("sftp", "-F", "none", *words, "-b", batch, "-P", a.port, f"{getpass.getuser()}@127.0.0.1")
    digest = hashlib.sha256(original.read_bytes()).digest()
    for name in ("there", "back"):
        assert hashlib.sha256((directory / name).read_bytes()).digest() == digest, name
