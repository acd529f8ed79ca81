"""Proxies that connect and do nothing else, and can be ended in the middle of it: HTTP's CONNECT,
over TCP or TLS, and SOCKS 5."""

import base64
import select
import socket
import ssl
import struct
import threading

HEAD_LIMIT = 1 << 14  # bytes of a request's head


class ConnectProxy:
    """Listens on 127.0.0.1:`port` from start() to stop(). `user`: "name:password" that is asked
    for; `refuse`: a status line that every CONNECT is answered with; `certificate`: files of it and
    its key, with which TLS is spoken."""

    def __init__(self, port, user=None, refuse=None, certificate=None):
        self.port = port
        self.targets = []  # "host:port" of every connection that was let through
        self._user = user
        self._refuse = refuse
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
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
            client = self._begin_tls(client)
            server = self._open(client)
        except OSError:
            server = None
        if server is None:
            self._drop(client)
        elif self._keep(server):
            if self._tls:
                self._pump_tls(client, server)
                self._drop(server)
                return self._drop(client)
            self._run(self._pump, server, client)
            self._pump(client, server)
            self._drop(client)
            self._drop(server)

    def _begin_tls(self, client):
        if not self._tls:
            return client
        encrypted = self._tls.wrap_socket(client, server_side=True)  # takes the descriptor away
        self._drop(client)
        if not self._keep(encrypted):
            raise OSError("stopped")
        return encrypted

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
        user = base64.b64encode((self._user or "").encode()).decode()
        if self._user and f"Proxy-Authorization: Basic {user}\r\n" not in head:
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


    @staticmethod
    def _pump_tls(client, server):
        """Both ways in one thread: two may not use one TLS connection at a time."""
        try:
            while True:
                waiting = client.pending() > 0
                for source in [client] if waiting else select.select([client, server], [], [])[0]:
                    piece = source.recv(1 << 18)
                    if not piece:
                        return
                    (server if source is client else client).sendall(piece)
        except (OSError, ValueError):  # a socket that was closed is no descriptor
            return


class SocksProxy(ConnectProxy):
    """SOCKS 5 (RFC 1928). `refuse`: the reply code that every request is answered with."""

    def _open(self, client):
        version, count = _exactly(client, 2)
        methods = _exactly(client, count)
        method = 2 if self._user else 0  # name and password (RFC 1929), or none
        if version != 5 or method not in methods:
            client.sendall(b"\x05\xff")
            return None
        client.sendall(bytes([5, method]))
        if self._user and not self._login(client):
            return None
        _, _, _, kind = _exactly(client, 4)
        host = self._address(client, kind)
        (port,) = struct.unpack("!H", _exactly(client, 2))
        if self._refuse:
            client.sendall(bytes([5, self._refuse]) + b"\x00\x01" + bytes(6))
            return None
        server = socket.create_connection((host, port))
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        self.targets.append(f"{host}:{port}")
        return server

    @staticmethod
    def _address(client, kind):
        if kind == 3:
            return _exactly(client, _exactly(client, 1)[0]).decode()
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        return socket.inet_ntop(family, _exactly(client, size))

    def _login(self, client):
        given = []
        _exactly(client, 1)
        for _ in range(2):
            given.append(_exactly(client, _exactly(client, 1)[0]).decode())
        good = ":".join(given) == self._user
        client.sendall(bytes([1, 0 if good else 1]))
        return good


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise OSError("it ended")
        data += piece
    return data


def _end(sock):
    """Wakes whoever waits in it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
