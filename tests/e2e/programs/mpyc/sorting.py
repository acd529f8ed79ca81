"""Sorts the numbers of all parties, and draws a random permutation that nobody knows."""

import random

from mpyc.random import random_permutation
from mpyc.runtime import mpc

secint = mpc.SecInt(32)


async def main():
    await mpc.start()
    own = random.Random(2000 + mpc.pid)
    numbers = [secint(own.randrange(100_000)) for _ in range(5)]
    print("result", await mpc.output(mpc.sorted(sum(mpc.input(numbers), []))))
    drawn = await mpc.output(random_permutation(secint, 6))
    print("result", sorted(drawn))
    await mpc.shutdown()


mpc.run(main())
