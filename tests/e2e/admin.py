"""Asks a sidecar's admin server over its unix socket."""

import http.client
import json
import socket

from prometheus_client.parser import text_string_to_metric_families

from harness import SCALE


class AdminConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10 * SCALE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(sidecar, page, method="GET"):
    """(status code, body). While the sidecar starts: (0, "")."""
    connection = AdminConnection(sidecar.admin_socket)
    try:
        connection.request(method, page)
    except (FileNotFoundError, ConnectionRefusedError):
        return 0, ""
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def status(sidecar):
    code, body = ask(sidecar, "/status")
    assert code == 200, body
    return json.loads(body)


def metrics(sidecar):
    """{(name, sorted labels): value}"""
    code, body = ask(sidecar, "/metrics")
    assert code == 200, body
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
