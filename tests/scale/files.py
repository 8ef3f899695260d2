"""Rows about what the program does with bytes: hashing, fetching, decoding. The measuring program (`benches/scale.rs`) calls
what a run calls, and nothing else."""
import http.server
import os
import shutil
import hashlib
import subprocess
import sys
import threading

from process import Ran, best, has, in_turn

SIZE = 1 << 30


def large(path, size=SIZE):
    """A file of random bytes, in the page cache."""
    with open(path, "wb") as out:
        block = os.urandom(1 << 20)
        for number in range(size >> 20):
            out.write(number.to_bytes(8, "big") + block[8:])
    return path


def hashing(table, bench, work):
    goal = "95 % of `openssl dgst -sha256`"
    if not has("openssl"):
        table.row("sha256 of a large cached file", goal, "-", "openssl is not there", None)
        return
    one, two = large(f"{work}/one"), large(f"{work}/two")
    dgst = ["openssl", "dgst"]
    ratio, ours, theirs = in_turn([bench, "hash", "sha256", one], dgst + ["-sha256", one])
    table.row("sha256 of a large cached file (1 GiB)", goal, f"{ours:.2f} s ({ratio:.2f}x as fast)", f"{theirs:.2f} s", ratio >= 0.95)
    if has("sha256sum"):
        theirs = best(["sha256sum", one], 1).wall
        table.row("the same, against `sha256sum`", "-", f"{theirs / ours:.1f}x as fast", f"{theirs:.2f} s", theirs >= ours)
    pair = [bench, "hash", "sha256", one, two]
    ratio, _, _ = in_turn(pair, [[bench, "hash", "sha256", one], [bench, "hash", "sha256", two]])
    table.row("two files on two cores", "1.8x of one after the other", f"{ratio:.2f}x", f"{os.cpu_count()} cores", ratio >= 1.8)
    each = [dgst + [f"-{name}", one] for name in ("md5", "sha1", "sha256")]
    ratio, ours, theirs = in_turn([bench, "hash", "md5,sha1,sha256", one], each)
    table.row("md5 + sha1 + sha256 of one file", "one read, 1.6x of the three in sequence", f"{ours:.2f} s ({ratio:.2f}x)",
              f"`openssl dgst` three times: {theirs:.2f} s", ratio >= 1.6)
    os.remove(two)


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves a directory with sendfile, so that the server costs as little as may be."""
    protocol_version = "HTTP/1.1"

    def copyfile(self, source, outputfile):
        self.wfile.flush()
        offset = 0
        while sent := os.sendfile(self.connection.fileno(), source.fileno(), offset, 1 << 24):
            offset += sent

    def log_message(self, *_):
        pass


def fetching(table, bench, work):
    path = f"{work}/one"
    goal = "90 % of `curl -o`, or of the hash alone"
    if not has("curl"):
        table.row("fetch over HTTP, hashed on the way", goal, "-", "curl is not there", None)
        return
    if not os.path.exists(path):
        large(path)
    # A process of its own: this one has the measuring to do.
    server = subprocess.Popen([sys.executable, os.path.abspath(__file__), work], stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()
    shelf = f"{work}/cache"
    # The engine takes the file of a build, so there is a build to take it from.
    build = f"{work}/packages/one/1/1/images"
    os.makedirs(build)
    os.link(path, f"{build}/one")
    fetched = f"{work}/fetched"
    fetch = [bench, "fetch", url, shelf, str(SIZE), digest]
    curl = ["curl", "-s", "-o", fetched, f"{url}/packages/one/1/1/images/one"]

    def nothing_fetched():
        shutil.rmtree(shelf, ignore_errors=True)
        if os.path.exists(fetched):
            os.remove(fetched)

    ratio, ours, theirs = in_turn(fetch, curl, before=nothing_fetched)
    alone, _, hashed = in_turn(fetch, [bench, "hash", "sha256", path], before=nothing_fetched)
    server.terminate()
    table.row("fetch over HTTP from loopback, hashed on the way (1 GiB)", goal,
              f"{ours:.2f} s ({ratio:.2f}x of curl, {alone:.2f}x of the hash)",
              f"curl {theirs:.2f} s, hash alone {hashed:.2f} s", (alone if hashed > theirs else ratio) >= 0.9)


def decoding(table, bench, work):
    path = f"{work}/answer.xml"
    subprocess.check_call([bench, "answer", path, "6500"])
    size = os.path.getsize(path)
    nothing, ours = Ran([bench, "decode", path, "0"]), Ran([bench, "decode", path, "20"], keep=True)
    seconds = float(ours.output)
    load = ("import sys, time, xmlrpc.client; text = open(sys.argv[1]).read(); t = time.perf_counter(); "
            "xmlrpc.client.loads(text); print(time.perf_counter() - t)")
    theirs = float(Ran([sys.executable, "-c", load, path], keep=True).output)
    one = Ran([bench, "decode", path, "1"])
    grown = (one.mb - nothing.mb) * 1e6 * 1.048576 / size
    table.row(f"decode a {size / 1e6:.0f} MB multiCall answer", "60 MB/s, memory under 4x the text",
              f"{size / seconds / 1e6:.0f} MB/s, {grown:.1f}x", f"Python `xmlrpc.client`: {size / theirs / 1e6:.1f} MB/s",
              size / seconds >= 60e6 and grown < 4)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    print(files.server_port, flush=True)
    threading.Thread(target=files.serve_forever).run()
