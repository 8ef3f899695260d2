"""Configurations as others would write them: every image with a finding, long names, many included files, JSON, YAML."""
import json

from generate import OPTIONS, write_variants

ARCHES = ["x86_64", "aarch64"]


def options(variants, images, finding=False, long=False):
    """A configuration of `variants` x `images` images for two arches each. A `finding` is an arch that may fail and is not built."""
    def image(v, i):
        name = f"image-{v}-{i}" + "-of-a-name-that-is-as-long-as-a-generator-makes-them" * (2 if long else 0)
        return {
            "name": name, "distro": "fedora-42", "image_types": ["qcow2"], "target": "f42-image", "arches": ARCHES,
            "subvariant": f"S{v}x{i}", "repo": ["https://example.com/$arch/os/"],
            "failable": ["s390x" if finding else "*"], "version": "!VERSION_FROM_VERSION",
        }

    return {
        **OPTIONS,
        "osbuild": {f"^V{v}$": [image(v, i) for i in range(images)] for v in range(variants)},
    }


def conf(value):
    """A value in the language of configurations."""
    return json.dumps(value, indent=4)


def write_conf(directory, config):
    with open(f"{directory}/big.conf", "w") as out:
        out.writelines(f"{key} = {conf(value)}\n" for key, value in config.items())
    return f"{directory}/big.conf"


def write_json(directory, config):
    with open(f"{directory}/big.json", "w") as out:
        json.dump(config, out, indent=4)
    return f"{directory}/big.json"


def write_yaml(directory, config):
    def block(value, indent):
        pad = "  " * indent
        if isinstance(value, dict):
            return "".join(f"\n{pad}{json.dumps(key)}:{block(item, indent + 1)}" for key, item in value.items())
        if isinstance(value, list):
            return "".join(f"\n{pad}-{block(item, indent + 1)}" for item in value)
        return f" {json.dumps(value)}"

    with open(f"{directory}/big.yaml", "w") as out:
        out.write(block(config, 0).lstrip("\n") + "\n")
    return f"{directory}/big.yaml"


def write_files(directory, config):
    """The images of each variant as a variable of a file of their own."""
    patterns = config["osbuild"]
    with open(f"{directory}/big.conf", "w") as out:
        out.writelines(f"{key} = {conf(value)}\n" for key, value in config.items() if key != "osbuild")
        for v, images in enumerate(patterns.values()):
            with open(f"{directory}/v{v}.conf", "w") as included:
                included.write(f"v{v} = {conf(images)}\n")
            out.write(f"from v{v} import *\n")
        out.write("osbuild = {" + ", ".join(f'"{pattern}": v{v}' for v, pattern in enumerate(patterns)) + "}\n")
    return f"{directory}/big.conf"


# What is said of a shape, how many variants it has, what else is asked of `options`, what writes it.
SHAPES = {
    "plain": ("as a generator writes it", 20, {}, write_conf),
    "findings": ("a warning for each image", 20, {"finding": True}, write_conf),
    "long": ("names of 120 characters", 20, {"long": True}, write_conf),
    "files": ("50 included files", 50, {}, write_files),
    "json": ("JSON", 20, {}, write_json),
    "yaml": ("YAML", 20, {}, write_yaml),
}


def config(work, shape, images):
    """The path of a configuration of so many images of that shape."""
    _, variants, how, write = SHAPES[shape]
    directory = f"{work}/{shape}-{images}"
    write_variants(directory, variants)
    return write(directory, options(variants, images // variants, **how))
