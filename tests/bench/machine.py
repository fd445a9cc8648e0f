"""What a load is made of: connections that are kept busy, and what a process tree costs."""

import json
import os
import selectors
import socket
import time
from pathlib import Path

API = "/api/2.0/mlflow/"
TICKS = os.sysconf("SC_CLK_TCK")


def tree(root):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, rest = [], [root]
    while rest:
        process = rest.pop()
        found.append(process)
        rest += children.get(process, [])
    return found


def cpu_seconds(root):
    total = 0
    for process in tree(root):
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        total += sum(int(field) for field in fields[11:15])  # own and those of ended children
    return total / TICKS


def pss_mib(root):
    total = 0
    for process in tree(root):
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def http(method, path, body=b"", content_type="application/json"):
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def unchunked(text):
    body = b""
    while True:
        length, _, text = text.partition(b"\r\n")
        length = int(length, 16)
        if not length:
            return body
        body, text = body + text[:length], text[length + 2 :]


class Wire:
    """One kept-alive connection that can be waited for."""

    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, request):
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self):
        """(status, body) when the answer is whole, else None."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise OSError("closed")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return None
            body = self.buffer[end + 4 : end + 4 + length]
        elif b"transfer-encoding: chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return None
            body = unchunked(self.buffer[end + 4 :])
        else:
            body = b""
        self.buffer = b""
        return int(head[9:12]), body

    def ask(self, request):
        self.send(request)
        while True:
            answer = self.receive()
            if answer:
                return answer


def call(port, method, path, body=None):
    wire = Wire(port)
    status, text = wire.ask(http(method, API + path, json.dumps(body).encode() if body else b""))
    wire.socket.close()
    if status != 200:
        raise RuntimeError(f"{path}: {status} {text[:300]}")
    return json.loads(text)


def load(port, connections, seconds, make_request):
    """Keeps every connection busy; [latency] of the answers with 200, and how many had another."""
    selector = selectors.DefaultSelector()
    wires = [Wire(port) for _ in range(connections)]
    for wire in wires:
        selector.register(wire.socket, selectors.EVENT_READ, wire)
        wire.send(make_request())
    latencies, errors = [], 0
    started = time.perf_counter()
    open_wires = connections
    while open_wires:
        for key, _ in selector.select(timeout=150):
            wire = key.data
            try:
                answer = wire.receive()
            except OSError:
                answer = (0, b"")
            if not answer:
                continue
            now = time.perf_counter()
            if answer[0] == 200:
                latencies.append(now - wire.started)
            else:
                errors += 1
            if now - started >= seconds or answer[0] == 0:
                selector.unregister(wire.socket)
                wire.socket.close()
                open_wires -= 1
            else:
                wire.send(make_request())
    return latencies, errors, time.perf_counter() - started
