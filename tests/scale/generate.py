#!/usr/bin/env python3
"""A compose configuration of many images: VARIANTS variants, IMAGES images each, for two arches.

usage: generate.py VARIANTS IMAGES DIRECTORY
"""
import os
import sys


def main():
    variants, images, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/variants.xml", "w") as out:
        out.write("<variants>\n")
        for v in range(variants):
            out.write(f'<variant id="V{v}" name="V{v}" type="variant"><arches><arch>x86_64</arch>'
                      "<arch>aarch64</arch></arches></variant>\n")
        out.write("</variants>\n")
    with open(f"{directory}/big.conf", "w") as out:
        for key, value in [("release_name", "Big"), ("release_short", "Big"), ("release_version", "1.0"),
                           ("variants_file", "variants.xml"), ("pkgset_source", "koji"), ("pkgset_koji_tag", "t"),
                           ("gather_method", "deps"), ("koji_profile", "devhub")]:
            out.write(f'{key} = "{value}"\n')
        out.write("osbuild = {\n")
        for v in range(variants):
            out.write(f'    "^V{v}$": [\n')
            for i in range(images):
                out.write(f"""        {{
            "name": "image-{v}-{i}", "distro": "fedora-42", "image_types": ["qcow2"], "target": "f42-image",
            "arches": ["x86_64", "aarch64"], "subvariant": "S{v}x{i}", "repo": ["https://example.com/$arch/os/"],
            "failable": ["*"], "version": "!VERSION_FROM_VERSION",
        }},
""")
            out.write("    ],\n")
        out.write("}\n")


if __name__ == "__main__":
    main()
