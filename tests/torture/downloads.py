"""A download server that cuts every connection after a random number of bytes, and flips a bit in one of fifty files."""

import http.server
import re
import threading

FLIPPED = 50


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        path = server.volume / self.path.removeprefix("/kojifiles/")
        try:
            data = bytearray(path.read_bytes())
        except OSError:
            self.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        with server.lock:
            server.requests += 1
            server.ranges += bool(start)
            is_first = path.name not in server.seen
            server.seen.add(path.name)
            reach = server.random.randint(1, 50_000)
            place = server.random.randrange(len(data))
            if is_first and len(server.seen) % FLIPPED == 0:
                server.flipped[path.name] = place
            # The damage is on the way: who fetches the whole file again gets it as it is.
            if not start and not is_first:
                server.flipped.pop(path.name, None)
            if path.name in server.flipped:
                server.flips += 1
                data[server.flipped[path.name]] ^= 4
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:start + reach])
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, volume, random):
        super().__init__(("127.0.0.1", 0), Handler)
        self.volume, self.random, self.lock = volume, random, threading.Lock()
        self.seen, self.flipped = set(), {}
        self.requests = self.ranges = self.flips = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """Whoever asked was killed."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/kojifiles"


def sizes(random):
    names = (f"disk{n:02}-9.2-1.{arch}.qcow2" for n in range(40) for arch in ("x86_64", "aarch64"))
    return {"sizes": {name: random.randint(2_000, 250_000) for name in names}}


def torture(torture, counts):
    server = Server(torture.work / "story/volume", torture.random)
    profile = [("\ntopurl = ", f"\ntopurl = {server.url}\nhub_topurl = ")]
    scenario = sizes(torture.random)
    torture.killed_at_random(
        counts, max(1, torture.kills // 10), scenario, share=8, scenario_of_calm=scenario, profile=profile, cache=True,
        each=server.seen.clear,
    )
    print(f"  {server.requests} connections, {server.ranges} of them for the rest of a file, {server.flips} with a wrong bit")
