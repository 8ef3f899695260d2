"""Rows about what the program does with bytes: hashing, fetching, decoding. The measuring program (`benches/scale.rs`) calls
what a run calls, and nothing else."""
import glob
import hashlib
import http.server
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import threading

from generate import config
from process import Ran, best, has, in_turn, wall

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
    digest = sha256(path)
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


def many(work, size, most):
    """How many files of `size` bytes there is room for, with the same again beside them, and some left for the system."""
    with open("/proc/meminfo") as text:
        memory = next(int(line.split()[1]) << 10 for line in text if line.startswith("MemAvailable:"))
    return max(2, min(most, min(memory // 2, shutil.disk_usage(work).free - (2 << 30)) // size))


def fetching_many(table, bench, work):
    """As many downloads at a time as the program finds best, beside curl with each number from 1 to 16. Curl does not hash: what two
    processes take for that afterwards is said beside it. Twelve files, since each run costs seconds; with two processors they take some
    two minutes in all."""
    size, goal = 256 << 20, "95 % of the best of `curl -Z` with 1 to 16 at a time"
    number = many(work, size, 12)
    what = f"fetch {number} files of 256 MiB over HTTP, hashed on the way; hub and client on one machine"
    if not has("curl"):
        table.row(what, goal, "-", "curl is not there", None)
        return
    volume, shelf, fetched = f"{work}/volume", f"{work}/shelf", f"{work}/by-curl"
    path = f"{work}/one-of-many"
    large(path, size)
    digest = sha256(path)
    names = [f"packages/one/1/{release}/images/one" for release in range(1, number + 1)]
    for name in names:
        os.makedirs(os.path.dirname(f"{volume}/{name}"))
        os.link(path, f"{volume}/{name}")
    server = subprocess.Popen([bench, "serve", volume], stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    with open(f"{work}/curl.conf", "w") as out:
        out.writelines(f'url = "{url}/{name}"\noutput = "{fetched}/{name}"\n' for name in names)

    def nothing_fetched():
        shutil.rmtree(shelf, ignore_errors=True)
        shutil.rmtree(fetched, ignore_errors=True)

    def curl(at_once):
        return ["curl", "-s", "-Z", "--parallel-max", str(at_once), "--create-dirs", "-K", f"{work}/curl.conf"]

    def once(command):
        nothing_fetched()
        return wall(command)

    best_number = min([1, 2, 4, 8, 16], key=lambda at_once: once(curl(at_once)))
    fetch = [bench, "fetch-all", url, shelf, str(size), digest, str(number)]
    hashing_after = ["sh", "-c", side_by_side(["openssl", "dgst", "-sha256"], [path] * number)]
    once(fetch)
    rounds = [(once(fetch), once(curl(best_number)), wall(hashing_after)) for _ in range(3)]
    nothing_fetched()
    server.terminate()
    ratio = statistics.median(theirs / ours for ours, theirs, _ in rounds)
    with_hash = statistics.median((theirs + after) / ours for ours, theirs, after in rounds)
    ours, theirs, after = (min(times) for times in zip(*rounds))
    table.row(what, goal, f"{ours:.2f} s ({ratio:.2f}x of curl, {with_hash:.2f}x of curl and `openssl dgst` after it)",
              f"curl with {best_number} at a time: {theirs:.2f} s, without a checksum; `openssl dgst` {after:.2f} s", ratio >= 0.95)


def sha256(path):
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


def side_by_side(command, files):
    """A command of the shell that runs `command` for the files, two at a time."""
    halves = [files[0::2], files[1::2]]
    return " & ".join(shlex.join(command + half) for half in halves) + " & wait"


def verifying(table, magudi, work):
    size, goal = 256 << 20, "95 % of two `openssl dgst` side by side"
    number = many(work, size, 80)
    what = f"`magudi verify` of {number} images of 256 MiB on both cores"
    if not has("openssl"):
        table.row(what, goal, "-", "openssl is not there", None)
        return
    target = f"{work}/verified"
    os.makedirs(target)
    subprocess.check_call([magudi, "run", "--quiet", "--test", "--simulate", "--config", config(work, 1, (number + 1) // 2),
                           "--target-dir", target])
    compose = next(path for path in glob.glob(f"{target}/*/compose") if not os.path.islink(os.path.dirname(path)))
    manifest = f"{compose}/metadata/images.json"
    with open(manifest, encoding="utf-8") as text:
        document = json.load(text)
    images = [image for arches in document["payload"]["images"].values() for of_arch in arches.values() for image in of_arch]
    paths = []
    for image in images:
        path = f"{compose}/{image['path']}"
        os.remove(path)
        large(path, size)
        image.update(size=size, checksums={"sha256": sha256(path)})
        paths.append(path)
    for sums in glob.glob(f"{compose}/*/*/images/*SUM*"):
        os.remove(sums)
    with open(manifest, "w", encoding="utf-8") as text:
        json.dump(document, text)
    peers = ["sh", "-c", side_by_side(["openssl", "dgst", "-sha256"], paths)]
    ratio, ours, theirs = in_turn([magudi, "verify", compose], peers)
    shutil.rmtree(target)
    table.row(what, goal, f"{ours:.2f} s ({ratio:.2f}x as fast)", f"{theirs:.2f} s", ratio >= 0.95)


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
