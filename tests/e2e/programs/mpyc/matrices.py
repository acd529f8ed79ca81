"""Multiplies secret matrices over a prime field, again and again, and large messages with it."""

import random

from mpyc.runtime import mpc

SIZE = 24
secfld = mpc.SecFld(2**61 - 1)


async def main():
    await mpc.start()
    own = random.Random(3000 + mpc.pid)
    rows = [[secfld(own.randrange(2**61 - 1)) for _ in range(SIZE)] for _ in range(SIZE)]
    product = None
    for matrix in mpc.input(sum(rows, [])):
        matrix = [matrix[k : k + SIZE] for k in range(0, SIZE * SIZE, SIZE)]
        product = matrix if product is None else mpc.matrix_prod(product, matrix)
    product = [await mpc.output(row) for row in product]
    print("result", hash(tuple(int(x) for row in product for x in row)))
    await mpc.shutdown()


mpc.run(main())
