"""One figure, or a few that come from the same runs, a module: run(bench) measures and adds to
bench.report. What is compared runs in turns, so that a noisy minute meets all alike."""
