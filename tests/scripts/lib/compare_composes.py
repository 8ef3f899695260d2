"""Compares composes of one configuration: the same manifests but for mtimes, and the same files.

usage: compare_composes.py COMPOSE_DIR COMPOSE_DIR...
"""

import json
import os
import sys

from checks import check, done


def manifest(top, name):
    with open(f"{top}/compose/metadata/{name}.json", encoding="utf-8") as file:
        return json.load(file)


def without_mtimes(images):
    for arches in images["payload"]["images"].values():
        for here in arches.values():
            for image in here:
                check(f"{image['path']} has a time", image.pop("mtime") > 0)
    return images


def files(top):
    """Path and content of every file of the compose but its manifests."""
    found = {}
    for directory, _, names in os.walk(f"{top}/compose"):
        if directory.endswith("/metadata"):
            continue
        for name in names:
            path = f"{directory}/{name}"
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = file.read()
    return found


def main():
    first, *others = (os.path.realpath(top) for top in sys.argv[1:])
    images, info, content = without_mtimes(manifest(first, "images")), manifest(first, "composeinfo"), files(first)
    check("there are images", len(content) > 60)
    for top in others:
        check(f"images.json of {top}", without_mtimes(manifest(top, "images")), images)
        check(f"composeinfo.json of {top}", manifest(top, "composeinfo"), info)
        check(f"files of {top}", files(top), content)
    done()


if __name__ == "__main__":
    main()
