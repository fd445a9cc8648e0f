"""Times 5,000 calls of log_metric against the server given, then against an echo server, which
answers at once: the client's own floor. Prints {"": seconds, " of an echo server": seconds}."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlflow import MlflowClient

CALLS = 5000


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def calls(uri, run_id):
    client = MlflowClient(uri)
    started = time.perf_counter()
    for step in range(CALLS):
        client.log_metric(run_id, "loss", 0.5, step=step)
    return time.perf_counter() - started


def main():
    client = MlflowClient(sys.argv[1])
    run = client.create_run(client.create_experiment("client calls")).info.run_id
    server = calls(sys.argv[1], run)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        floor = calls(f"http://127.0.0.1:{echo.server_port}", run)
        echo.shutdown()
    print(json.dumps({"": server, " of an echo server": floor}))


if __name__ == "__main__":
    main()
