"""Connects as MP-SPDZ does: spdz_like.py ME LISTEN PEER:PORT...

Each party accepts on one port (LISTEN, 0: none) what lower parties connect, a burst of connections
per pair, whose first message says who and which it is. A connection that ends before is left out;
one that is reset ends the program. It connects to the PEERs. Prints how many connections there
were and their names.
"""

import sys
import threading

from wire import Ended, dial, listen, read_message, send_message

BURST = 12


def accept_all(server, count, peers):
    """Until `count` connections have said their names."""
    while len(peers) < count:
        sock = server.accept()[0]
        try:
            peers[read_message(sock).decode()] = sock
        except Ended:
            sock.close()


def main():
    me, listens, *words = sys.argv[1:]
    peers = {}
    server = listen(int(listens)) if int(listens) else None
    accepting = threading.Thread(target=accept_all, args=(server, int(me) * BURST, peers))
    if server:
        accepting.start()
    dialled = {}
    for peer, port in (map(int, word.split(":")) for word in words):
        for k in range(BURST):
            dialled[f"{me}-{peer}/{k}"] = dial(port)
    for name, sock in dialled.items():
        send_message(sock, name.encode())
    if server:
        accepting.join()
        if len(peers) < int(me) * BURST:
            sys.exit("the accept phase failed")
    everybody = {**peers, **dialled}
    for name, sock in everybody.items():
        send_message(sock, name.encode() * 1000)
    for name, sock in everybody.items():
        assert read_message(sock) == name.encode() * 1000, f"{name}: other bytes came"
        sock.close()
    print(len(everybody), *sorted(everybody))


main()
