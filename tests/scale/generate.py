#!/usr/bin/env python3
"""A compose configuration of many images: VARIANTS variants, IMAGES images each, for two arches.

usage: generate.py VARIANTS IMAGES DIRECTORY [PHASE...]

The images of a variant are shared out among the phases; without any, all are osbuild's.
"""
import os
import sys


# What an image of each phase says beside its name, arches and subvariant; `{name}` is its name.
PHASES = {
    "osbuild": """"name": "{name}", "distro": "fedora-42", "image_types": ["qcow2"], "target": "f42-image",
            "repo": ["https://example.com/$arch/os/"], "version": "!VERSION_FROM_VERSION",""",
    "kiwibuild": """"kiwi_profile": "{name}", "target": "f42-image", "description_path": "a.kiwi",
            "description_scm": "git+https://example.com/kiwi.git?#f42", "type": "oem", "manifest_type": "raw-xz",
            "repos": ["https://example.com/$arch/os/"], "version": "!VERSION_FROM_VERSION", "bundle_name_format": "{name}.%A-%v-%I.%T",""",
    "imagebuilder": """"name": "{name}", "types": ["minimal-raw-xz"], "target": "f42-image",
            "repos": ["https://example.com/$arch/os/"], "version": "!VERSION_FROM_VERSION",""",
    "live_media": """"name": "{name}", "kickstart": "a.ks", "ksurl": "git+https://example.com/ks.git?#f42", "target": "f42-image",
            "repo": ["https://example.com/$arch/os/"], "version": "!VERSION_FROM_VERSION",""",
    "image_build": """"image-build": {{
                "name": "{name}", "format": ["qcow2"], "target": "f42-image", "distro": "Fedora-42", "disk_size": 3,
                "kickstart": "a.ks", "ksurl": "git+https://example.com/ks.git?#f42", "version": "!VERSION_FROM_VERSION",
                "repo": ["https://example.com/$arch/os/"], """,
}


def config(work, variants, images, phases=("osbuild",)):
    """A configuration of `variants` x `images` images for two arches each; its path."""
    directory = f"{work}/{variants}x{images}-{len(phases)}"
    if not os.path.isdir(directory):
        generate(variants, images, directory, list(phases))
    return f"{directory}/big.conf"


# What a compose needs beside its images.
OPTIONS = {
    "release_name": "Big", "release_short": "Big", "release_version": "1.0", "variants_file": "variants.xml",
    "pkgset_source": "koji", "pkgset_koji_tag": "t", "gather_method": "deps", "koji_profile": "devhub",
}


def write_variants(directory, variants):
    """A directory with a variants.xml of so many variants for two arches."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/variants.xml", "w") as out:
        out.write("<variants>\n")
        for v in range(variants):
            out.write(f'<variant id="V{v}" name="V{v}" type="variant"><arches><arch>x86_64</arch>'
                      "<arch>aarch64</arch></arches></variant>\n")
        out.write("</variants>\n")


def generate(variants, images, directory, phases):
    write_variants(directory, variants)
    with open(f"{directory}/big.conf", "w") as out:
        for key, value in OPTIONS.items():
            out.write(f'{key} = "{value}"\n')
        for number, phase in enumerate(phases):
            out.write(f"{phase} = {{\n")
            for v in range(variants):
                out.write(f'    "^V{v}$": [\n')
                for i in range(number, images, len(phases)):
                    out.write(image(phase, v, i))
                out.write("    ],\n")
            out.write("}\n")


def image(phase, v, i):
    own = PHASES[phase].format(name=f"image-{v}-{i}")
    common = f""""arches": ["x86_64", "aarch64"], "subvariant": "S{v}x{i}", "failable": ["*"],"""
    closing = "}}" if phase == "image_build" else "}"
    return f"        {{\n            {own}\n            {common}\n        {closing},\n"


if __name__ == "__main__":
    generate(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:] or ["osbuild"])
