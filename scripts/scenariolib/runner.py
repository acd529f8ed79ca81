"""A run from its first phase to its last. Whatever happens, everything is ended and bundled."""

import os
import pathlib
import secrets
import signal
import sys
import time
import traceback

from scenariolib import bundle, containers, leftovers, preflight
from scenariolib.errors import Interrupted, ScenarioError
from scenariolib.faults import Faults
from scenariolib.linkrun import LinkRun, step_all
from scenariolib.places import Places
from scenariolib.processes import Processes, adopt_orphans
from scenariolib.verdict import Verdict
from scenariolib.watch import Watch
from scenariolib.world import START_LIMIT, World

STEP = 0.05  # seconds between two looks
TELEMETRY_LIMIT = 5  # seconds until the telemetry has counted everything
STACKS_LIMIT = 2  # seconds for the parties to write their stacks
OUTLIVE_LIMIT = 5  # seconds for what a process started to end with it
LOG_TAIL = 15  # lines shown of each log when a run fails


class Runner:
    """`options`: what the command line says (scripts/scenario)."""

    def __init__(self, scenario, options):
        self.scenario, self.options = scenario, options
        self.scale = options.scale
        self.verdict = Verdict()
        self.run_id = leftovers.PREFIX + secrets.token_hex(4)
        self.directory = options.work / self.run_id
        self.story = []  # all that was said
        self._interrupted = False
        self._begun = time.monotonic()
        self.places = self.world = self.watch = self.faults = None
        self.link_runs = []

    def say(self, text):
        line = f"[{time.monotonic() - self._begun:6.2f} s] {text}"
        self.story.append(line)
        self._print(line)

    @staticmethod
    def _print(text):
        try:
            print(text, flush=True)
        except OSError:  # nobody reads any more; the run goes on, and the bundle has it all
            sys.stdout = open(os.devnull, "w", encoding="utf-8")

    def _interrupt(self, number, frame):
        self._interrupted = True  # looked at in check(): nothing is left half done

    def run(self):
        """The exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)
        adopt_orphans()
        leftovers.clean(self.options.work, self.say)
        leftovers.claim(self.directory)
        how = " without sidecars" if self.options.direct else ""
        self.say(f"{self.scenario.name}{how}, {self.run_id}: {self.scenario.description}")
        self.processes = Processes(self.directory, self.say)
        code = 1
        try:
            self._phases()
            code = 0
        except ScenarioError as error:
            self._failed(error)
        except Interrupted:
            self.verdict.failure = "interrupted"
            code = 130
        except Exception:
            self._failed(ScenarioError(traceback.format_exc(), "run"))
        return self._finish() or code

    def _phases(self):
        for name, phase in (
            ("preflight", self._preflight),
            ("relay", self._start_relay),
            ("sidecars", self._start_sidecars),
            ("programs", self._run_programs),
            ("counts", self._compare_counts),
            ("stop", self._stop),
        ):
            begin = time.monotonic()
            phase()
            self.say(f"phase {name}: {time.monotonic() - begin:.2f} s")

    def check(self):
        """Raises if somebody wants the end, or if a relay or sidecar ended by itself."""
        if self._interrupted:
            raise Interrupted
        for name, process in self.processes.by_name.items():
            if name.startswith("party-") or process.running() or process.killed:
                continue
            self.processes.note_exit(process)
            text = f"{name} ended by itself with exit code {process.exit_code}"
            raise ScenarioError(text, "sidecars end well")

    # The phases.

    def _preflight(self):
        options, scenario = self.options, self.scenario
        preflight.programs_are_there(options.build, options.direct)
        preflight.fits(scenario, options.server)
        topology = "local" if options.direct else scenario.topology
        prefix = leftovers.namespace_prefix(self.run_id)
        self.places = Places(topology, scenario.parties, prefix)
        self.places.check_routes()
        self.world = World(scenario, options, self.directory, self.processes, self.places)

    def _start_relay(self):
        if not self.options.direct and not self.options.server:
            self.world.start_relay(self.check)
            self.say(f"relay at {self.world.server}")
        for name in self.scenario.parties:
            self.world.data_dir(name).mkdir(parents=True)
        if not self.options.direct:
            for name in self.scenario.parties:
                preflight.check_sidecar(self.world, name, self.say)

    def _start_sidecars(self):
        self.link_runs = [LinkRun(link, self.world, self.say) for link in self.scenario.links]
        rejects = list(self.scenario.rejects)
        if self.options.server:  # which learns the channels' syft.pub.yaml by refusing them first
            rejects.append("permission denied")
        stall_limit = self.scenario.stall_limit * self.scale
        self.watch = Watch(self.world, self.run_id, self.link_runs, self.say, stall_limit, rejects)
        if self.options.direct:
            return
        now = [name for name, party in self.scenario.parties.items() if not party.starts]
        for name in now:
            self._start_sidecar(name)
        for name in now:
            self.processes.wait_for(
                f"sidecar {name} listens for its peers",
                lambda name=name: self._listens(name),
                START_LIMIT * self.scale,
                self._check_and_watch_logs,
            )

    def _check_and_watch_logs(self):
        self.check()
        self.watch.check_logs()

    def _start_sidecar(self, name):
        self.world.write_stale_markers(name)
        self.world.start_sidecar(name)
        self.world.write_markers(name, self.run_id)
        stale = self.scenario.parties[name].stale
        self.say(f"sidecar {name} started" + (f", {stale} stale markers a peer" if stale else ""))

    def _listens(self, name):
        channels = {peer: self.watch.channel(name, peer) for peer in self.world.peers_of(name)}
        for channel in channels.values():
            if channel and channel["reason"] == "port in use":
                text = f"sidecar {name}: {channel['reason']}: {channel['detail']}"
                raise ScenarioError(text, "preflight")
        return all(c and c["port"] == self.world.port(name, p) for p, c in channels.items())

    def _run_programs(self):
        self.verdict.good("preflight")
        faults = [] if self.options.direct else self.scenario.faults
        self.faults = Faults(faults, self.processes, self.say, self.watch.arrived)
        started = time.monotonic()
        parties = self.scenario.parties.items()
        late = [] if self.options.direct else [(p.starts, n) for n, p in parties if p.starts]
        while not all(run.done for run in self.link_runs) or self.faults.busy():
            self.check()
            passed = time.monotonic() - started
            for item in [item for item in late if passed >= item[0]]:
                late.remove(item)
                self._start_sidecar(item[1])
            step_all(self.link_runs, self.scale)
            self.watch.step()
            self.faults.step()
            if passed > self.scenario.run_limit * self.scale:
                names = ", ".join(name for run in self.link_runs for name in run.living())
                text = f"not done after {passed:.0f} s; still running: {names or 'nothing'}"
                raise ScenarioError(text, "programs end")
            time.sleep(STEP)
        self._programs_are_done()

    def _programs_are_done(self):
        self.verdict.good("programs end")
        total = sum(sum(run.received.values()) for run in self.link_runs)
        self.verdict.good("sent = received", f"{total:,} B, SHA-256 too")
        if self.options.direct:
            for name in ("counters move", "no session with oneself", "no Reject", "faults done"):
                self.verdict.skipped(name, "no sidecars")
            return
        if self.faults.pending():
            text = f"a fault whose time never came: {self.faults.pending()[0]}"
            raise ScenarioError(text, "faults done")
        self.verdict.good("faults done", f"{len(self.scenario.faults)}")
        self.watch.show_rates()

    def _compare_counts(self):
        """The sidecars' counters with what the programs say."""
        if self.options.direct:
            return self.verdict.skipped("telemetry = programs", "no sidecars")
        killed = sorted(name for name in self.faults.killed if name.startswith("sidecar-"))
        if killed:
            why = f"{', '.join(killed)} ended during the run"
            return self.verdict.skipped("telemetry = programs", why)
        if not all(run.comparable for run in self.link_runs):
            return self.verdict.skipped("telemetry = programs", "not every program told its bytes")
        give_up = time.monotonic() + TELEMETRY_LIMIT * self.scale
        while different := self._different_counts():
            self._check_and_watch_logs()
            if time.monotonic() > give_up:
                raise ScenarioError(different, "telemetry = programs")
            time.sleep(STEP)
        self.verdict.good("telemetry = programs")

    def _different_counts(self):
        """A line on the first count that is not the programs'; None if all are."""
        for run in self.link_runs:
            for name, peer in (run.link.ends, run.link.ends[::-1]):
                channel = self.watch.channel(name, peer) or {}
                counted = (channel.get("tx_bytes"), channel.get("rx_bytes"))
                told = (run.sent[name], run.received[name])
                if counted != told:
                    return f"{name} with {peer}: sent, received {told}, its sidecar says {counted}"
        return None

    def _stop(self):
        self._save_status()
        names = [n for n in self.processes.by_name if n.startswith("sidecar-")] + ["relay"]
        bad = []
        for process in map(self.processes.by_name.get, names):
            if process is None or not process.running():
                continue
            code = self.processes.stop(process)
            if code is None:
                raise ScenarioError(f"{process.name} had to be killed", "nothing outlives the run")
            if code != 0:
                bad.append(f"{process.name}: exit code {code} on SIGTERM")
        self.watch.check_logs()
        self._watch_is_good()
        if bad:
            raise ScenarioError("; ".join(bad), "sidecars end well")
        self.verdict.good("sidecars end well")
        self._nothing_outlives()

    def _watch_is_good(self):
        allowed = ", ".join(f"{n} × {why}" for why, n in self.watch.rejects_seen.items())
        self.verdict.good("counters move")
        self.verdict.good("no session with oneself")
        self.verdict.good("no Reject", f"but those allowed: {allowed}" if allowed else "")

    def _nothing_outlives(self):
        give_up = time.monotonic() + OUTLIVE_LIMIT * self.scale
        while living := self.processes.outliving():
            if time.monotonic() > give_up:
                held = containers.of_run(self.directory)
                names = [f"{engine} container {name[:12]}" for engine, name in held]
                names = ", ".join(names or [_command_of(pid) for pid, _ in living])
                raise ScenarioError(f"still there: {names}", "nothing outlives the run")
            time.sleep(STEP)
        self.verdict.good("nothing outlives the run")

    # The end.

    def _failed(self, error):
        self.verdict.bad(error.where, str(error))
        self.say(f"FAILED ({error.where}): {error}")
        self._save_status()
        self._dump_stacks()
        for name, process in self.processes.by_name.items():
            if process.running() or process.exit_code != 0:
                lines = process.log_text().splitlines()[-LOG_TAIL:]
                self.say("\n  ".join([f"the end of the log of {name}:", *lines]))

    def _save_status(self):
        for name in self.scenario.parties:
            process = self.processes.by_name.get(f"sidecar-{name}")
            if process and process.running():
                self.world.save_status(name)

    def _dump_stacks(self):
        """Of our own party programs, into their logs; a stopped one has to go on for it."""
        runs = [run for run in self.link_runs if run.ends and run.program.kind != "command"]
        ours = [end.process for run in runs for end in run.ends if end.process]
        waiting = [(process, process.log_text()) for process in ours if process.running()]
        for process, _ in waiting:
            process.send_signal(signal.SIGUSR1)
            process.send_signal(signal.SIGCONT)
        give_up = time.monotonic() + STACKS_LIMIT * self.scale
        while any(p.running() and p.log_text() == before for p, before in waiting):
            if time.monotonic() > give_up:
                return
            time.sleep(STEP)

    def _finish(self):
        """Ends everything and writes the bundle. 1 if that failed."""
        # Before the processes: an engine does not remove well what was killed under its hands.
        containers.remove(containers.of_run(self.directory))
        self.processes.kill_all()
        if self.places:
            self.places.close()
        if self.world:
            self.world.ports.close()
        failure = self.verdict.failure
        self._print(f"\n{self.verdict.table()}\n")
        word = f"FAILED: {failure}" if failure else "passed"
        self.say(f"{self.scenario.name}: {word}")
        path = self.options.work / f"{self.run_id}.tar.gz"
        try:
            self._write_bundle(path)
        except OSError as error:
            self._print(f"no bundle: {error}; what there is lies in {self.directory}")
            return 1
        self._print(f"bundle: {path}")
        leftovers.clean_run(self.directory)
        return 0

    def _write_bundle(self, path):
        texts = {
            "verdict.txt": self.verdict.table() + "\n",
            "story.txt": "\n".join(self.story) + "\n",
            "scenario.yaml": self.options.file.read_text(encoding="utf-8"),
            "exit_codes.json": bundle.exit_codes(self.processes.exit_codes),
            "versions.txt": bundle.versions(self.options.build),
        }
        part = leftovers.new_name(path)
        bundle.write(part, self.directory, texts, self.world.secrets() if self.world else [])
        part.rename(path)


def _command_of(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode(errors="replace").strip()
    except OSError:
        return f"process {pid}"
