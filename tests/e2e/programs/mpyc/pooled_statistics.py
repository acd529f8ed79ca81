"""Mean, variance and median of numbers of which each party holds a part."""

import random

from mpyc.runtime import mpc
from mpyc.statistics import mean, median, variance

secint = mpc.SecInt(32)


async def main():
    await mpc.start()
    own = random.Random(1000 + mpc.pid)
    numbers = [secint(own.randrange(-500, 500)) for _ in range(4)]
    pooled = sum(mpc.input(numbers), [])
    print("result", *[await mpc.output(f(pooled)) for f in (mean, variance, median)])
    await mpc.shutdown()


mpc.run(main())
