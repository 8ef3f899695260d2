"""Writes the configurations and scenarios of report.sh into a directory."""

import json
import pathlib
import sys

TOP = pathlib.Path(sys.argv[1])
ARCHES = ["aarch64", "ppc64le", "s390x", "x86_64"]
HOSTILE = [
    "<script>document.title='hacked'</script>",
    '"><img src=x onerror=document.title=1>',
    "it's \"quoted\" & <b>bold</b>",
    "\u202eright-to-left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "x" * 300,
    "{{ 7*7 }}{% raw %}",
]


def image(name, **more):
    return {"name": name, "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "version": "42", "release": "1", **more}


def write(name, images):
    variants = "".join(
        f'<variant id="{uid}" name="{uid}" type="variant"><arches>'
        + "".join(f"<arch>{arch}</arch>" for arch in ARCHES)
        + "</arches></variant>"
        for uid in images
        if uid != "Nowhere"
    )
    config = {
        "release_name": "Report",
        "release_short": "Report",
        "release_version": "42",
        "variants_file": "variants.xml",
        "koji_profile": "devhub",
        "pkgset_source": "repos",
        "pkgset_repos": {"x86_64": ["http://example.com/repo"]},
        "gather_method": "deps",
        "createiso_break_hardlinks": True,
        "osbuild": {f"^{uid}$": list(of_variant) for uid, of_variant in images.items()},
    }
    (TOP / name).mkdir()
    (TOP / name / "variants.xml").write_text(f'<?xml version="1.0"?>\n<variants>{variants}</variants>\n')
    (TOP / name / "compose.json").write_text(json.dumps(config, indent=1))


def named(count, uid):
    return [image(f"{uid}-Image-{n:03}", subvariant=f"{uid}_{n:03}") for n in range(count)]


two = [image("Server-disk", arches=["aarch64", "x86_64"], subvariant="Server_disk"), image("Server-cloud")]
write("six", {"Server": two, "Nowhere": [image("never")]})
many = {"Cloud": named(125, "Cloud"), "Server": named(125, "Server")}
for place, one in enumerate(many["Server"]):
    if place % 2:
        one["failable"] = ["*"]
write("thousand", many)
write("hostile", {"Server": [image(name, subvariant=f"S{n}") for n, name in enumerate(HOSTILE)]})
write(
    "uploads",
    {
        "Cloud": [
            image("ami", image_types="ec2", arches=["x86_64"], upload_options={"region": "us-east-1", "share_with_accounts": ["1"]}),
            image("gcp", image_types="gce", arches=["x86_64"], upload_options={"region": "eu", "bucket": "b"}),
            image("azure", image_types="vhd", arches=["x86_64"], upload_options={"tenant_id": "t", "subscription_id": "s", "resource_group": "r"}),
            image(
                "container",
                image_types="container",
                arches=["aarch64", "x86_64"],
                upload_options={"name": "registry.example.org/minimal", "tag": "42"},
            ),
            image(
                "full",
                image_types="ec2",
                arches=["x86_64"],
                failable=["*"],
                upload_options={"region": "us-east-1", "share_with_accounts": ["1"]},
            ),
            image("s3", image_types="guest-image", arches=["x86_64"], subvariant="S3", upload_options={"region": "us-east-1"}),
        ]
    },
)



def failed(innermost):
    """What composer says of a task of four arches that failed."""
    error = {
        "id": 5,
        "reason": "Worker running job failed",
        "details": [{"id": 26, "reason": "osbuild build failed", "details": innermost}],
    }
    return {"status": "failure", "image_statuses": [{"status": "failure", "error": error}] * 4}


mirrors = {f"Cloud-Image-{n:03}": failed("Cannot download repomd.xml: all mirrors were tried") for n in range(0, 70, 5)}
scenario = {"task_seconds": [0, 1]}
(TOP / "scenario.json").write_text(json.dumps(scenario))
(TOP / "slow.json").write_text(json.dumps({"task_seconds": 60}))
failures = {
    **scenario,
    "fail": {name: {"out": "boom"} for name in ["Server-Image-004", *mirrors]} | {"Server-Image-007": {"out": "soft boom"}},
    "compose_status": {"Server-Image-004": failed("No space left on device"), **mirrors},
    "submit_error": {"Server-Image-009": "image permission required"},
}
(TOP / "failures.json").write_text(json.dumps(failures))
(TOP / "uploads.json").write_text(json.dumps({**scenario, "fail": {"full": {"out": "the quota of the account is used up"}}}))
