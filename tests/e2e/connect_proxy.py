"""An HTTP proxy that does CONNECT and nothing else, and can be ended in the middle of it."""

import base64
import socket
import threading

HEAD_LIMIT = 1 << 14  # bytes of a request's head


class ConnectProxy:
    """Listens on 127.0.0.1:`port` from start() to stop(). `user`: "name:password" that is asked
    for; `refuse`: a status line that every CONNECT is answered with."""

    def __init__(self, port, user=None, refuse=None):
        self.port = port
        self.targets = []  # "host:port" of every CONNECT that was let through
        self._user = user and base64.b64encode(user.encode()).decode()
        self._refuse = refuse
        self._lock = threading.Lock()
        self._sockets = None  # the open ones; None: stopped
        self._listener = None

    def start(self):
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._run(self._accept, self._listener)
        return self

    def stop(self):
        """Everything that goes through it ends."""
        with self._lock:
            sockets, self._sockets = self._sockets or set(), None
        for sock in {*sockets, self._listener}:
            _end(sock)
            sock.close()

    @staticmethod
    def _run(work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _keep(self, sock):
        """False: it came too late, and was closed."""
        with self._lock:
            if self._sockets is None:
                sock.close()
                return False
            self._sockets.add(sock)
            return True

    def _drop(self, sock):
        with self._lock:
            if self._sockets is not None:
                self._sockets.discard(sock)
        sock.close()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self._keep(client):
                self._run(self._serve, client)

    def _serve(self, client):
        try:
            server = self._open(client)
        except OSError:
            server = None
        if server is None:
            self._drop(client)
        elif self._keep(server):
            self._run(self._pump, server, client)
            self._pump(client, server)
            self._drop(client)
            self._drop(server)

    def _open(self, client):
        """Answers the CONNECT; the connection to its target, or None after a refusal."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_LIMIT:
            piece = client.recv(HEAD_LIMIT)
            if not piece:
                return None
            head += piece
        method, target, *_ = head.decode("latin-1").split(" ", 2)
        refusal = self._refusal(method, head.decode("latin-1"))
        if refusal:
            client.sendall(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            return None
        host, port = target.rsplit(":", 1)
        server = socket.create_connection((host.strip("[]"), int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.targets.append(target)
        return server

    def _refusal(self, method, head):
        if method != "CONNECT":
            return "405 Method Not Allowed"
        if self._user and f"Proxy-Authorization: Basic {self._user}\r\n" not in head:
            return '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"'
        return self._refuse

    @staticmethod
    def _pump(source, target):
        """Until either end is gone; then both are ended."""
        try:
            while piece := source.recv(1 << 18):
                target.sendall(piece)
        except OSError:
            pass
        _end(source)
        _end(target)


def _end(sock):
    """Wakes whoever waits in it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
