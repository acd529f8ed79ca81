"""One party of the demo's second part, a program for MPyC as it is: pooled statistics of tables.

    pooled_statistics.py TABLE -P HOST:PORT...     as MPyC takes it: one -P a party, own host empty

What is opened are the statistics (and, on the way to the median, how many loci lie below pivots),
no pooled count of any locus by its name. Prints one JSON object a line for each statistic.
"""

import json
import sys

from mpyc.runtime import mpc
from mpyc.statistics import mean, median, stdev
from party import read_table

secint = mpc.SecInt(40)  # bits; squares of pooled counts, summed over the loci, stay below


async def main():
    table = read_table(sys.argv[1])
    async with mpc:
        counts = pool([count for _, count, _ in table])
        numbers = pool([number for _, _, number in table])
        frequent = mpc.sum([2 * count > number for count, number in zip(counts, numbers)])
        for title, value in (
            ("mean of the pooled allele counts", mean(counts)),
            ("their standard deviation", stdev(counts)),
            ("their median", median(counts)),
            ("the highest of them", mpc.max(counts)),
            ("loci with a frequency above 1/2", frequent),
        ):
            value = int(await mpc.output(value))
            print(json.dumps({"party": mpc.pid, "title": title, "value": value}), flush=True)


def pool(values):
    """The sums over the parties, still secret."""
    tables = mpc.input([secint(value) for value in values])
    return [mpc.sum(list(column)) for column in zip(*tables)]


mpc.run(main())
