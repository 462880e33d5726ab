"""A small receiver behind your TLS proxy:

SIGNING_SECRET=whsec_... python3 receiver.py 8081
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from verify import verify

seen = set()  # in production a table with the ids of the last days


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        genuine = verify(os.environ["SIGNING_SECRET"], headers, body)
        # Answer at once and work afterwards: Carillon waits 15 s and never sends again.
        self.send_response(204 if genuine else 401)
        self.end_headers()
        if genuine and headers["webhook-id"] not in seen:
            seen.add(headers["webhook-id"])
            change = json.loads(body)
            print(f"{change['type']} {change['event']}: {', '.join(map(str, change['ids']))}", flush=True)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8081), Receiver)
    print(f"receiving on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
