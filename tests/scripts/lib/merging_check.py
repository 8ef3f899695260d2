"""Adds an image to a compose around every manifest of productmd's test data, and compares what productmd reads before and after.

usage: merging_check.py MAGUDI SOURCE_OF_PRODUCTMD DIRECTORY; prints the number of checks.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from productmd.composeinfo import ComposeInfo
from productmd.images import Images

import checks

FEWEST_COMPOSES = 20

def collect(source):
    """The manifests that lie in the test data, and those that productmd's own tests write."""
    found = {ComposeInfo: {}, Images: {}}

    def keep(kind, document):
        found[kind].setdefault(json.dumps(document, sort_keys=True), document)

    for path in sorted(source.glob("tests/**/*.json")):
        document = json.loads(path.read_text())
        payload = document.get("payload", {})
        if "variants" in payload:
            keep(ComposeInfo, document)
        elif "images" in payload:
            keep(Images, document)
    for kind in found:
        # Every way to write a manifest serialises it.
        def serialize(self, parser, kind=kind, serialize=kind.serialize):
            document = serialize(self, parser)
            keep(kind, json.loads(json.dumps(document)))
            return document

        kind.serialize = serialize
    sys.path.insert(0, str(source))
    suite = unittest.defaultTestLoader.discover(str(source / "tests"), top_level_dir=str(source))
    with open(os.devnull, "w") as nowhere:
        unittest.TextTestRunner(stream=nowhere, verbosity=0).run(suite)
    return [list(documents.values()) for documents in found.values()]


def read(kind, path):
    manifest = kind()
    try:
        manifest.load(str(path))
    except Exception as error:  # productmd refuses with many kinds of them
        return None, error
    return manifest, None


def described(info):
    """What a reader gets from a composeinfo."""
    compose, release = info.compose, info.release
    facts = {("compose", key, getattr(compose, key)) for key in ("id", "type", "date", "respin", "label", "final")}
    facts |= {("release", key, getattr(release, key)) for key in ("name", "short", "version", "type", "is_layered")}
    for variant in info.get_variants(recursive=True):
        facts |= {(variant.uid, key, getattr(variant, key)) for key in ("id", "name", "type")}
        facts |= {(variant.uid, "arch", arch) for arch in variant.arches}
        facts |= {(variant.uid, "child", child) for child in variant.variants}
        paths = variant.paths
        facts |= {(variant.uid, field, arch, path) for field in paths._fields for arch, path in getattr(paths, field).items()}
    return facts


def listed(images):
    entries = [(v, a, i) for v, arches in images.images.items() for a, some in arches.items() for i in some]
    return {(v, a, i.path, i.type, i.subvariant, i.size, json.dumps(i.checksums, sort_keys=True)) for v, a, i in entries}


def write_configuration(directory, info):
    payload = info["payload"]
    release = payload.get("release") or payload["product"]
    values = {
        "release_name": release["name"], "release_short": release["short"], "release_version": release["version"],
        "release_type": release.get("type", "ga"), "variants_file": "variants.xml", "pkgset_source": "koji",
        "pkgset_koji_tag": "t", "gather_method": "deps", "global_target": "f42-image",
    }
    if release.get("is_layered"):
        base = payload["base_product"]
        values.update(base_product_name=base["name"], base_product_short=base["short"], base_product_version=base["version"])
    # One of its own variants with one of its arches, so that the filters are narrower than what is there.
    own = [(uid, block) for uid, block in payload["variants"].items() if "-" not in uid]
    uid, arch = (own[0][0], own[0][1]["arches"][0]) if own else ("Added", "x86_64")
    values["osbuild"] = {"^%s$" % uid: [{"name": "added", "distro": "fedora-42", "image_types": ["qcow2"], "subvariant": "Added"}]}
    text = "".join("%s = %s\n" % (key, json.dumps(value)) for key, value in values.items())
    (directory / "added.conf").write_text(text)
    (directory / "variants.xml").write_text(
        "<variants><variant id='%s' name='%s' type='variant'><arches><arch>%s</arch></arches></variant></variants>" % (uid, uid, arch)
    )


def main(magudi, source, top):
    infos, manifests = collect(pathlib.Path(source))
    composes = 0
    for number, (info, images) in enumerate((info, images) for info in infos for images in manifests):
        name = "compose %d" % number
        directory = pathlib.Path(top) / str(number)
        metadata = directory / "compose" / "compose" / "metadata"
        metadata.mkdir(parents=True)
        compose = info["payload"]["compose"]
        images["payload"]["compose"] = {key: compose[key] for key in ("id", "date", "type", "respin")}
        paths = {ComposeInfo: metadata / "composeinfo.json", Images: metadata / "images.json"}
        paths[ComposeInfo].write_text(json.dumps(info))
        paths[Images].write_text(json.dumps(images))
        write_configuration(directory, info)
        before = {kind: read(kind, path)[0] for kind, path in paths.items()}
        label = ["--label", compose["label"]] if compose.get("label") else ["--no-label"]
        command = [magudi, "run", "--config", "added.conf", "--compose-dir", "compose", "--reopen", "--simulate", "--quiet"]
        ran = subprocess.run(
            command + ["--" + compose["type"]] + label, cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        checks.check("%s: exit status (%s)" % (name, ran.stderr), ran.returncode, 0)
        for kind, facts_of in ((ComposeInfo, described), (Images, listed)):
            after, error = read(kind, paths[kind])
            if before[kind] is not None:
                checks.check("%s: %s after: %s" % (name, kind.__name__, error), after is not None)
                checks.check("%s: what %s lost" % (name, kind.__name__), facts_of(before[kind]) - facts_of(after), set())
        composes += 1
    checks.check("%d composes, at least %d" % (composes, FEWEST_COMPOSES), composes >= FEWEST_COMPOSES)
    checks.done()


if __name__ == "__main__":
    main(*sys.argv[1:])
