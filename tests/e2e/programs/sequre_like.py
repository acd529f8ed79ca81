"""Connects and talks as Sequre does: sequre_like.py ME PEER:PORT...

The lower party of a pair listens on the pair's own port, accepts once and closes its listener, one
peer after the other; the higher one dials, again and again. Prints the sum of all parties' numbers.
"""

import sys

from wire import dial, listen, read_message, send_message

ROUNDS = 50


def main():
    me = int(sys.argv[1])
    ports = dict(map(int, word.split(":")) for word in sys.argv[2:])
    peers = {}
    for peer, port in sorted(ports.items()):
        if peer < me:
            peers[peer] = dial(port)
            continue
        server = listen(port)
        peers[peer] = server.accept()[0]
        server.close()
    total = 0
    for number in range(ROUNDS):
        body = str((me + 1) * number).encode() * 500
        for sock in peers.values():
            send_message(sock, body)
        total += (me + 1) * number
        for peer, sock in peers.items():
            expected = str((peer + 1) * number)
            assert read_message(sock) == expected.encode() * 500
            total += int(expected)
    for sock in peers.values():
        sock.close()
    print(total)


main()
