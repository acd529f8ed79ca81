"""The image and compose.yaml: what they say, and, where podman and the image are, whether it works.

`make containers` builds the image and runs these; without podman, or with an image of other
sources, the tests that start containers are skipped and say so.
"""

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import compose
from compose import Compose, podman
from harness import PROXY_BIN, RELAY_BIN, REPOSITORY, wait_until

IMAGE, PARTY_IMAGE = "hotlink-proxy", "hotlink-demo-party"
PARTIES = range(3)
SIDECAR_LIMIT_S = 15  # HOTLINK_PROXY_DRAIN_MS and HOTLINK_PROXY_RESET_WAIT_MS
# Loaded at run time or read: no program is linked with them.
NOT_LINKED = {"ca-certificates"}


def package_group(name):
    """The packages of a group of scripts/install-deps."""
    text = (REPOSITORY / "scripts/install-deps").read_text(encoding="utf-8")
    words = re.search(rf'^readonly {name}="([^"]*)"', text, re.MULTILINE)[1].split()
    return {word for word in words if not word.startswith("$")}


def libraries_of(program):
    """Name -> path of every library that the loader finds; those it does not find fail."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "not found" not in text, text
    return dict(re.findall(r"^\s*(\S+) => (\S+)", text, re.MULTILINE))


def linked_with(program):
    command = ["readelf", "--dynamic", program]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def packages_of(libraries):
    """dpkg knows a library by the path under which it was installed, /usr or not."""
    shown = {path: [path, path.removeprefix("/usr"), "/usr" + path] for path in libraries}
    command = ["dpkg", "-S", *{form for forms in shown.values() for form in forms}]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = re.findall(r"^(\S+?):.* (\S+)$", text, re.MULTILINE)
    owners = {path: package for package, path in lines}
    found = {
        path: {owners[form] for form in forms if form in owners} for path, forms in shown.items()
    }
    assert all(found.values()), f"no package has one of these: {found}"
    return set().union(*found.values())


def test_the_image_installs_what_the_programs_are_linked_with_and_nothing_else():
    needed = set()
    for program in (PROXY_BIN, RELAY_BIN):
        paths = libraries_of(program)
        needed |= {paths[name] for name in linked_with(program)}
    assert package_group("RUN") == packages_of(needed) | NOT_LINKED


def test_the_dockerfile_ends_in_a_stage_without_root_or_shell_forms():
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("FROM "))
    words = dict(line.split(" ", 1) for line in lines[start:] if re.match("[A-Z]+ ", line))
    assert words["FROM"] == "debian:bookworm-slim AS runtime"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", words["USER"])
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(words["ENTRYPOINT"]) == ["hotlink-proxy"]
    health = "\n".join(lines[start:]).split("HEALTHCHECK", 1)[1]
    assert json.loads(re.search(r"CMD (\[.*\])", health)[1]) == ["hotlink-proxy", "ready"]


def test_what_the_dockerfile_copies_and_the_programs_consist_of_reaches_the_builder():
    """The context is what .dockerignore lets through, and that is named one by one."""
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line.removeprefix("!") for line in lines if line.startswith("!")}
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    copied = set()
    for words in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        copied.update(words.split()[:-1])
    assert copied == let_through
    sources = {path.relative_to(REPOSITORY).parts[0] for path in REPOSITORY.glob("*/**/*.cc")}
    assert sources - {"build", "tests"} <= copied


def test_compose_starts_everything_behind_its_gate():
    services = compose.services()
    for p in PARTIES:
        party, sidecar = services[f"party{p}"], services[f"sidecar{p}"]
        assert party["network_mode"] == f"service:sidecar{p}"
        assert party["depends_on"] == {f"sidecar{p}": {"condition": "service_healthy"}}
        assert sidecar["depends_on"] == {"relay": {"condition": "service_healthy"}}
        assert sidecar["image"] == IMAGE and "healthcheck" not in sidecar  # the image's own
        assert int(sidecar["stop_grace_period"].removesuffix("s")) > SIDECAR_LIMIT_S
    gate = services["relay"]["depends_on"]
    assert gate == {"prepare": {"condition": "service_completed_successfully"}}
    assert "healthcheck" in services["relay"]
    assert len(services) == 2 + 2 * len(PARTIES)


def test_compose_confines_everything_and_mounts_data_directories_in_the_long_form():
    for name, service in compose.services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        for mount in service.get("volumes", []):
            assert isinstance(mount, dict) and mount["type"] == "bind", f"{name}: {mount}"
        assert "user" not in service or name == "prepare", name
        assert "ports" not in service, name
    for p in PARTIES:
        sidecar = compose.services()[f"sidecar{p}"]
        (mount,), environment = sidecar["volumes"], sidecar["environment"]
        assert environment["SYFTBOX_DATA_DIR"] == mount["target"]
        assert environment["SYFTBOX_EMAIL"] == mount["target"].rsplit("/", 1)[1]
        assert mount["source"].endswith("/" + environment["SYFTBOX_EMAIL"])


def prepared(root):
    """Runs what the service `prepare` runs, and returns e-mail -> digest of the relay's file."""
    command = compose.services()["prepare"]["command"]
    at = command.index("--owner")
    words = [sys.executable, "-B", str(REPOSITORY / "demo/prepare.py")]
    subprocess.run([*words, *command[:at], str(root)], check=True)
    lines = (root / "relay/tokens").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ") for line in lines)


def test_what_is_prepared_fits_together_and_outlives_a_second_run(tmp_path):
    digests = prepared(tmp_path)
    services = compose.services()
    for p in PARTIES:
        environment = services[f"sidecar{p}"]["environment"]
        email, data_dir = environment["SYFTBOX_EMAIL"], environment["SYFTBOX_DATA_DIR"]
        inside = os.path.relpath(environment["SYFTBOX_ACCESS_TOKEN_FILE"], data_dir)
        token = tmp_path / email / inside
        assert token.stat().st_mode & 0o777 == 0o600
        assert hashlib.sha256(token.read_bytes().strip()).hexdigest() == digests[email]
        markers = list((tmp_path / email / "datasites" / email).rglob("stream.tcp"))
        assert len(markers) == len(PARTIES) - 1
    assert (tmp_path / "relay/tokens").stat().st_mode & 0o777 == 0o600
    assert prepared(tmp_path) == digests


def why_no_image():
    """Why no container of these sources can be started; nothing if one can."""
    if not shutil.which("podman"):
        return "podman is not installed"
    command = [PROXY_BIN, "--version"]
    ours = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for image in (IMAGE, PARTY_IMAGE):
        if podman("image", "exists", image, check=False).returncode != 0:
            return f"no image {image}: `make image` builds it"
    result = podman(
        "run", "--rm", "--network=none", *compose.limits(), IMAGE, "--version", check=False
    )
    if result.returncode != 0:
        return f"podman starts no container: {result.stderr.strip()}"
    if result.stdout != ours:
        return f"the image is {result.stdout.strip()}, not {ours.strip()}: `make image`"
    return None


@pytest.fixture(scope="module")
def image():
    reason = why_no_image()
    if reason:
        pytest.skip(f"NOT TESTED: {reason}")


@pytest.fixture
def containers(image, tmp_path):
    demo = Compose(tmp_path / "demo@example")
    yield demo
    demo.close()


def inspect(name):
    return json.loads(podman("image", "inspect", name).stdout)[0]


def test_the_image_is_as_the_dockerfile_says(image):
    config = inspect(IMAGE)["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert inspect(IMAGE)["Healthcheck"]["Test"] == ["CMD", "hotlink-proxy", "ready"]
    words = ["run", "--rm", "--network=none", *compose.limits(), "--entrypoint"]
    for program in ("hotlink-proxy", "hotlink-relay"):
        shown = podman(*words, "ldd", IMAGE, f"/usr/local/bin/{program}").stdout
        assert "not found" not in shown
    present = podman(*words, "sh", IMAGE, "-c", "command -v g++ make git python3 curl; ls /src; :")
    assert present.stdout == ""


@pytest.fixture
def run(image):
    """run(name, *words): starts a container, without any network but loopback."""
    started = []

    def start(name, *words):
        name = f"hotlink-test-{os.getpid()}-{name}"
        podman("run", "--detach", "--name", name, *compose.limits(), *words)
        started.insert(0, name)  # one that is in another's network goes first
        return name

    yield start
    for name in started:
        podman("rm", "--force", "--time", "0", name, check=False)


def documented_options():
    """Of the sidecar's `docker run` in docs/containers.md that are the same for everybody."""
    text = (REPOSITORY / "docs/containers.md").read_text(encoding="utf-8")
    command = text.split("docker run --name sidecar ", 1)[1].split("hotlink-proxy\n", 1)[0]
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:5] == ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    return words[:5]


def healthy(name):
    result = podman("healthcheck", "run", name, check=False)
    return result.returncode == 0


def test_a_sidecar_by_itself_as_documented(run, tmp_path):
    """Read-only, as a user that has no name, PID 1, in a directory with an @; sick without a relay,
    well with one, and drained by the image's stop signal."""
    data = tmp_path / "a@example.org"
    marker = data / "datasites/a@example.org/shared/_mpc/0_to_1"
    marker.mkdir(parents=True)
    os.chown(data, 12345, 12345)
    for path in data.rglob("*"):
        os.chown(path, 12345, 12345)
    relay = run("relay", "--network=none", "--no-healthcheck", "--entrypoint=hotlink-relay", IMAGE)
    sidecar = run(
        "sidecar", *documented_options(), "--read-only-tmpfs=false", "--health-interval=disable",
        "--user=12345:12345", f"--network=container:{relay}",
        f"--mount=type=bind,source={data},target=/data/a@example.org",
        "-eSYFTBOX_EMAIL=a@example.org", "-eSYFTBOX_DATA_DIR=/data/a@example.org",
        "-eSYFTBOX_SERVER_URL=http://127.0.0.1:8080", IMAGE,
    )
    wait_until("the sidecar is well", lambda: healthy(sidecar))
    status = podman("exec", sidecar, "cat", "/proc/1/status").stdout
    assert re.search(r"^Name:\s+hotlink-proxy$", status, re.MULTILINE)
    assert re.search(r"^Uid:(\s+12345){4}$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    for place in ("/", "/tmp", "/usr/local/bin", "/data"):
        assert podman("exec", sidecar, "touch", f"{place}/x", check=False).returncode != 0
    text = '{"from": "a@example.org", "to": "b@example.org", "port": 9001}'
    podman("exec", sidecar, "sh", "-c", f"cd /data/*/datasites/*/shared/_mpc/0_to_1 && echo '{text}' >t"
           " && mv t stream.tcp && hotlink-proxy wait --for listening --timeout 10")
    shown = podman("exec", sidecar, "hotlink-proxy", "status").stdout
    assert re.search(r"^shared/_mpc/0_to_1 +b@example.org +9001 ", shown, re.MULTILINE), shown
    podman("stop", "--time", "0", relay)
    wait_until("the sidecar is sick", lambda: not healthy(sidecar))
    podman("stop", "--time", "20", sidecar)
    logs = podman("logs", sidecar)
    assert int(podman("wait", sidecar).stdout) == 0, logs.stdout + logs.stderr
    assert "signal: draining" in logs.stderr


def plain_text_results():
    """What the parties have to come to: the pooled counts, and the product of parties 1 and 2."""
    tables = []
    for p in PARTIES:
        with open(REPOSITORY / f"demo/data/party_{p}.csv", newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            tables.append([(int(r["allele_count"]), int(r["allele_number"])) for r in rows])
    pooled = [[sum(cell) for cell in zip(*row)] for row in zip(*tables)]
    return pooled, sum(x[0] * y[0] for x, y in zip(tables[1], tables[2]))


def test_compose_computes_and_every_container_ends_well(containers):
    for p in PARTIES:
        containers.start(f"party{p}")
    for p in PARTIES:
        code = containers.exit_code(f"party{p}")
        logs = containers.logs(f"party{p}") + containers.logs(f"sidecar{p}")
        assert code == 0, logs
        result = json.loads(containers.output(f"party{p}").splitlines()[-1])
        assert (result["pooled"], result["product"]) == plain_text_results()
    assert containers.stop("relay") == 0, containers.logs("relay")
    wait_until("sidecar0 is ill", lambda: not containers.is_healthy("sidecar0"))
    for service in [f"sidecar{p}" for p in PARTIES]:
        assert containers.stop(service) == 0, containers.logs(service)
