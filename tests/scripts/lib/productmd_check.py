"""Reads the manifests of a compose with productmd and compares them with the plan and with the files.

usage: productmd_check.py COMPOSE_DIR PLAN.json [NAME OF AN IMAGE THAT FAILED]...
"""

import hashlib
import json
import os
import re
import sys

from productmd.compose import Compose
from productmd.composeinfo import ComposeInfo
from productmd.images import Images, IMAGE_TYPE_FORMAT_MAPPING, SUPPORTED_IMAGE_FORMATS, SUPPORTED_IMAGE_TYPES

from checks import check, done

# How kiwi ends the names of files whose formats are called otherwise.
KIWI_ENDINGS = {"vhd.xz": ".vhdfixed.xz", "vagrant-libvirt.box": ".vagrant.libvirt.box"}


def asked(request):
    """What a request asks for: what its files' names begin with, and its arches."""
    args, kwargs = request["args"], request.get("kwargs", {})
    if request["phase"] == "osbuild":
        return args[0], args[5]
    if request["phase"] == "kiwibuild":
        return f"Fedora-{kwargs['profile']}", args[1]
    if request["phase"] == "imagebuilder":
        return kwargs["name"], args[1]
    return args[0], args[2]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def main():
    top, plan, failed = os.path.realpath(sys.argv[1]), json.loads(read(sys.argv[2])), set(sys.argv[3:])
    images_path, info_path = (f"{top}/compose/metadata/{name}.json" for name in ("images", "composeinfo"))

    images = Images()
    images.load(images_path)
    check("productmd writes the images.json that it read", images.dumps() == read(images_path))
    info = ComposeInfo()
    info.load(info_path)
    check("productmd writes the composeinfo.json that it read", info.dumps() == read(info_path))
    base = ComposeInfo()
    base.load(f"{top}/work/global/composeinfo-base.json")

    compose = Compose(top)
    check("Compose finds the compose", compose.compose_path, f"{top}/compose")
    check("Compose reads images.json", compose.images.dumps() == images.dumps())
    check("Compose reads composeinfo.json", compose.info.dumps() == info.dumps())

    name = plan["compose_id"]
    check("compose id as planned", info.compose.id, name)
    check("COMPOSE_ID", read(f"{top}/COMPOSE_ID"), name)
    for what, known in (("images.json", images.compose), ("composeinfo-base.json", base.compose)):
        fields = [(c.id, c.type, c.date, c.respin) for c in (known, info.compose)]
        check(f"compose of {what}", fields[0], fields[1])
    check("release", (info.release.short, info.release.version, info.release.type), ("Fedora", "42", "ga"))
    check("variants", sorted(info.variants.variants), [
        "Cloud", "Container", "Everything", "IoT", "KDE", "Labs", "Server", "Silverblue", "Workstation",
    ])
    check("child variants", list(info.variants["Server"].variants), ["HighAvailability"])
    check("arches of the child", sorted(info.variants["Server"].variants["HighAvailability"].arches),
          ["ppc64le", "s390x", "x86_64"])

    # What was planned, as (variant, subvariant, arch, name), is what there is.
    planned, lost = set(), 0
    for request in plan["requests"]:
        image, arches = asked(request)
        if image in failed:
            check(f"{image} may fail", request["failable"])
            lost += len(arches)
        else:
            planned |= {(request["variant"], request["subvariant"], arch, image) for arch in arches}
    check("names of failed images occur in the plan", lost > 0, bool(failed))
    check("the plan is of a size worth testing", len(planned) >= 50)

    check("the phases of the plan", {request["phase"] for request in plan["requests"]},
          {"osbuild", "kiwibuild", "imagebuilder", "live_media"})
    names = {asked(request)[0] for request in plan["requests"]}
    found, paths, identities = set(), set(), set()
    for variant, arches in images.images.items():
        for arch, here in arches.items():
            for image in here:
                file = os.path.basename(image.path)
                full = f"{top}/compose/{image.path}"
                image_name = max((n for n in names if file.startswith((f"{n}-", f"{n}."))), key=len)
                found.add((variant, image.subvariant, arch, image_name))
                paths.add(image.path)
                identities.add((variant, image.subvariant, image.type, image.format, image.arch))
                check(f"arch of {file}", image.arch, arch)
                check(f"arch in the name of {file}", any(f"{before}{arch}{after}" in file for before, after in ("..", "--", ".-")))
                check(f"format of {file}", file.endswith((f".{image.format}", KIWI_ENDINGS.get(image.format, "/"))))
                check(f"{file} is of a known type and format",
                      image.type in SUPPORTED_IMAGE_TYPES and image.format in SUPPORTED_IMAGE_FORMATS)
                formats = IMAGE_TYPE_FORMAT_MAPPING[image.type]
                # Of some types productmd knows no formats.
                check(f"the format of {file} goes with its type", not formats or image.format in formats)
                # An add-on keeps its files with its parent.
                directory = "iso" if image.format == "iso" else "images"
                check(f"directory of {file}", os.path.dirname(image.path), f"{variant.split('-')[0]}/{arch}/{directory}")
                check(f"size of {file}", image.size, os.path.getsize(full))
                check(f"mtime of {file}", image.mtime, int(os.path.getmtime(full)))
                check(f"checksums of {file}", image.checksums, {"sha256": digest(full)})
                check(f"CHECKSUM of {file}", *in_checksum_file(full, image))
    check("images are those of the plan", found, planned)
    check("no two images look the same", len(identities), len(paths))

    # Nothing lies about that images.json does not know.
    for directory, _, files in os.walk(f"{top}/compose"):
        for file in files:
            path = os.path.relpath(f"{directory}/{file}", f"{top}/compose")
            check(f"{path} is accounted for",
                  path in paths or path.startswith("metadata/") or file.endswith("-CHECKSUM"))

    # Types that the rest of the tooling asks for.
    kinds = {(image.subvariant, image.type) for arches in images.images.values()
             for here in arches.values() for image in here}
    for kind in [
        ("Server_KVM", "qcow2"), ("Server", "dvd"), ("Server_VMware", "vmdk"), ("Everything", "boot"),
        ("Workstation", "live"), ("Silverblue", "dvd-ostree-osbuild"), ("IoT", "dvd-ostree"), ("IoT", "raw-xz"),
        ("IoT_bootc", "bootable-container"), ("Minimal", "raw-xz"), ("Cloud_Base_Azure", "vpc"), ("Cloud_Base_UKI", "vhd-compressed"),
        ("Cloud_Base_Azure_RHUI", "vhd-compressed"), ("Cloud_Base_GCE", "tar-gz"), ("Cloud_Base", "vagrant-libvirt"),
        ("Container_Base", "container"), ("Container_Minimal", "docker"), ("Container_Toolbox", "container"), ("WSL", "wsl2"),
    ]:
        check(f"there is a {kind}", kind in kinds)
    check("paths of images in composeinfo.json", image_paths(info), {
        (variant, arch, os.path.dirname(image.path))
        for variant, arches in images.images.items() for arch, here in arches.items() for image in here
        if "-" not in variant
    })
    done()


def in_checksum_file(full, image):
    """What the CHECKSUM files of its directory say of an image, and what they should. An add-on has its own beside its parent's."""
    folder, file = os.path.split(full)
    text = "".join(read(f"{folder}/{name}") for name in sorted(os.listdir(folder)) if name.endswith("-CHECKSUM"))
    pattern = rf"^# {re.escape(file)}: (\d+) bytes\nSHA256 \({re.escape(file)}\) = ([0-9a-f]{{64}})$"
    return re.findall(pattern, text, re.MULTILINE), [(str(image.size), image.checksums["sha256"])]


def image_paths(info):
    """(variant, arch, path) of the directories that composeinfo.json knows of top-level variants."""
    return {
        (uid, arch, path)
        for uid, variant in info.variants.variants.items()
        for field in (variant.paths.images, variant.paths.isos)
        for arch, path in field.items()
    }


if __name__ == "__main__":
    main()
