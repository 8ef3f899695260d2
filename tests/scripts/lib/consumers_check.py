"""Looks at a compose as its consumers do, with productmd and fedfind.

usage: consumers_check.py COMPOSE_DIR COMPOSE_DIR_OF_PUNGI_ALONE
"""

import functools
import http.server
import sys
import threading
from urllib.request import urlopen

from fedfind.release import Pungi4Release, Pungi4ReleaseFull
from productmd.compose import Compose

from checks import check, done

# Subvariant, type, format, arch and variant of what Pungi makes, and of what magudi makes.
PUNGIS = {
    (variant, "dvd", "iso", arch, variant)
    for variant, arches in {
        "Server": ["x86_64", "aarch64"], "Workstation": ["x86_64", "aarch64"], "KDE": ["x86_64"], "Cloud": ["x86_64", "aarch64"],
    }.items()
    for arch in arches
}
OURS = {
    *(("Server", "boot", "iso", arch, "Server") for arch in ("x86_64", "aarch64")),
    *(("Cloud_Base", "qcow2", "qcow2", arch, "Cloud") for arch in ("x86_64", "aarch64")),
    *(("Cloud_Base", "raw-xz", "raw.xz", arch, "Cloud") for arch in ("x86_64", "aarch64")),
    ("KDE", "live", "iso", "x86_64", "KDE"),
    ("Workstation", "live", "iso", "x86_64", "Workstation"),
    ("Workstation", "raw-xz", "raw.xz", "aarch64", "Workstation"),
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a directory and says nothing."""

    def log_message(self, *_):
        pass


def served(top):
    """The address at which `top` is served until the program ends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=top))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def by_productmd(top):
    """Every image as productmd reads it."""
    images = Compose(top).images.images
    return {
        (image.subvariant, image.type, image.format, image.arch, variant)
        for variant, arches in images.items() for here in arches.values() for image in here
    }


def main():
    merged, alone = sys.argv[1:]
    check("productmd: images", by_productmd(merged), PUNGIS | OURS)
    check("productmd: images of Pungi alone", by_productmd(alone), PUNGIS)
    info = Compose(merged).info
    check("productmd: variants", sorted(info.variants.variants), ["Cloud", "KDE", "Server", "Workstation"])

    release = Pungi4ReleaseFull(f"{served(merged)}/compose")
    check("fedfind: it is there", release.exists)
    check("fedfind: status", (release.status, release.done), ("FINISHED", True))
    check("fedfind: id", release.cid, "Fedora-42-20250219.n.0")
    check("fedfind: release", (release.dist, release.release, release.type, release.respin), ("Fedora", "42", "nightly", "0"))
    check("fedfind: no label", not release.label)
    found = release.all_images
    kinds = {(i["subvariant"], i["type"], i["format"], i["arch"], i["variant"]) for i in found}
    check("fedfind: images", kinds, PUNGIS | OURS)
    check("fedfind: each once", len(found), len(kinds))
    for image in found:
        with urlopen(image["url"]) as answer:
            check(f"fedfind: size of {image['path']}", len(answer.read()), image["size"])
    check("fedfind: expected images that are missing", release.check_expected(), set())
    check("fedfind: as any compose", len(Pungi4Release(release.location).all_images), len(found))

    # Without magudi they are missing: fedfind does look for them.
    missing = Pungi4ReleaseFull(f"{served(alone)}/compose").check_expected()
    check("fedfind: expected images of Pungi alone that are missing", missing,
          {(subvariant.lower(), kind, arch) for subvariant, kind, _, arch, _ in OURS} - {("cloud_base", "qcow2", "aarch64")})
    done()


if __name__ == "__main__":
    main()
