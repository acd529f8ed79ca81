"""Connects as emp-agmpc does: agmpc_like.py ME PEER:LISTEN:PORT...

Two connections per pair in opposite directions: a party listens for each peer on a port of its own,
and dials each peer. What a party sends goes over the connection that it dialled. Prints what came.
"""

import sys
import threading

from wire import dial, listen, read_message, send_message

ROUNDS = 50


def main():
    me = sys.argv[1]
    peers = sorted(tuple(map(int, word.split(":"))) for word in sys.argv[2:])
    servers = {peer: listen(port) for peer, port, _ in peers}
    receiving, sending = {}, {}

    def accept():
        for peer, server in servers.items():
            receiving[peer] = server.accept()[0]

    accepting = threading.Thread(target=accept)
    accepting.start()
    for peer, _, port in peers:
        sending[peer] = dial(port)
    accepting.join()
    for number in range(ROUNDS):
        for peer, sock in sending.items():
            send_message(sock, f"{me} to {peer}, {number}".encode() * 100)
        for peer, sock in receiving.items():
            assert read_message(sock) == f"{peer} to {me}, {number}".encode() * 100
    for sock in [*sending.values(), *receiving.values()]:
        sock.close()
    print(ROUNDS * len(peers))


main()
